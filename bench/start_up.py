"""How long commands take to start, beside a bare interpreter.

Claim: `aid --help` within 150 ms at the median. Whole processes, in turn.
"""

import statistics
import subprocess
import sys
import time

from _scene import AID

RUNS = 15
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "aid --help": [str(AID), "--help"],
    "aid ask --help": [str(AID), "ask", "--help"],
}


def timed(argv: list[str]) -> float:
    """Wall milliseconds of one run."""
    started = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return (time.monotonic() - started) * 1000


def main() -> None:
    for argv in COMMANDS.values():
        timed(argv)
    rounds = [{name: timed(argv) for name, argv in COMMANDS.items()} for _ in range(RUNS)]
    for name in COMMANDS:
        ratio = statistics.median(each[name] / each["python -c pass"] for each in rounds)
        print(
            f"{name:>15}: median {statistics.median(each[name] for each in rounds):6.1f} ms, {ratio:.1f}x a bare Python"
        )


if __name__ == "__main__":
    main()
