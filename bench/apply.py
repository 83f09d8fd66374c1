"""What a one-file apply costs, beside the least that is durable: write a copy, fsync, rename, fsync the directory.

    python bench/apply.py [--rounds N]

Both are run in turn on a file of 1,000 lines; medians of wall-clock milliseconds, and their ratio. Undo likewise.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from aid.apply import apply, undo
from ces.change import FileChange

LINES = 1_000


def durable_write(path: Path, content: bytes) -> None:
    """What any editor that doesn't lose files does."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    before = b"".join(b"line %d\n" % number for number in range(LINES))
    took: dict[str, list[float]] = {"durable write": [], "apply": [], "undo": []}
    with tempfile.TemporaryDirectory(prefix="aid") as directory:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_CACHE_HOME"] = directory
        root = Path(directory) / "work"
        root.mkdir()
        path = root / "file.py"
        path.write_bytes(before)
        for number in range(rounds):
            after = before.replace(b"line 500\n", b"line 500 changed in round %d\n" % number)
            started = time.perf_counter()
            durable_write(path, before)
            took["durable write"].append(time.perf_counter() - started)
            started = time.perf_counter()
            apply(root, [FileChange(path="file.py", before=before, after=after)])
            took["apply"].append(time.perf_counter() - started)
            started = time.perf_counter()
            undo(root)
            took["undo"].append(time.perf_counter() - started)
    floor = statistics.median(took["durable write"])
    for name, times in took.items():
        median = statistics.median(times)
        print(f"{name:14} {median * 1000:7.2f} ms   {median / floor:5.1f} x a durable write")


if __name__ == "__main__":
    main()
