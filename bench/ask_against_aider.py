"""One-shot edit end to end: `aid ask --apply` (warm daemon) against `aider --message`, same zero-latency server.

Claim: at least 25 times faster at the median. Both commands are whole processes started by this script in turn; the
server is the project's replay server, in a process of its own, which answers at once with the same one-file edit. The
workspace has no build, so AID's proposal is unchecked, as aider's edit is.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from _scene import AFTER, AID, PROMPT, SOURCE, daemon, server, workspace

AIDER_VERSION = "0.86.2"
AIDER_VENV = Path(os.environ.get("AID_DEV_CACHE", "~/.cache/aid-dev")).expanduser() / f"aider-{AIDER_VERSION}"
RUNS = 7


def aider() -> Path:
    """aider's command, installed at the first run in an environment of its own."""
    command = AIDER_VENV / "bin" / "aider"
    if not command.exists():
        print(f"installing aider {AIDER_VERSION} (kept in {AIDER_VENV})", file=sys.stderr)
        venv.create(AIDER_VENV, with_pip=True)
        pip = AIDER_VENV / "bin" / "pip"
        subprocess.run([pip, "install", "-q", f"aider-chat=={AIDER_VERSION}"], check=True)
    return command


def timed(argv: list[str], cwd: Path, env: dict[str, str]) -> float:
    """Wall seconds of one run; the edit must be there afterwards, and is taken back."""
    started = time.monotonic()
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    seconds = time.monotonic() - started
    if AFTER not in (cwd / "calc.py").read_text():
        sys.exit(f"no edit came of {argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    (cwd / "calc.py").write_text(SOURCE)
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aidb") as name, server(Path(name)) as url, daemon(Path(name), url) as env:
        folder = Path(name)
        theirs_env = env | {"OPENAI_API_KEY": "none", "OPENAI_API_BASE": url, "AIDER_ANALYTICS": "false", "HOME": name}
        ours = [str(AID), "ask", PROMPT, "calc.py", "--apply"]
        theirs = [str(aider()), "--model", "openai/bench", "--edit-format", "diff", "--message", PROMPT, "--yes-always"]
        theirs += ["--no-auto-commits", "--no-check-update", "--no-show-model-warnings", "--no-gitignore", "calc.py"]
        a, b = workspace(folder / "a"), workspace(folder / "b")
        timed(ours, a, env), timed(theirs, b, theirs_env)  # both warm their caches once
        pairs = [(timed(ours, a, env), timed(theirs, b, theirs_env)) for _ in range(RUNS)]
    print(f"aid ask --apply    median {statistics.median(pair[0] for pair in pairs) * 1000:7.0f} ms")
    print(f"aider --message    median {statistics.median(pair[1] for pair in pairs) * 1000:7.0f} ms")
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print(f"ratio, pair by pair, median {ratio:.1f}x over {RUNS} runs (claim: at least 25x)")


if __name__ == "__main__":
    main()
