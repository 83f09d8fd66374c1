"""A report that a step leaves for us: a file of the view's own /tmp, known to the step by an environment variable.

At first the file holds a word that nobody else knows. The step's program takes the file away before code under
judgement runs, and at its end writes it again, that word on the first line. So a report that was not come to, because
the program was ended early, is none; and one that code under judgement writes is none either, unless that code has
searched the program it runs in for the word. That much it can always do.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from ces.isolation import Isolation, Place

VARIABLE = "CES_REPORT"
MOST_BYTES = 32 << 20


class Report:
    """`env` is for the step that is to leave it; `path` is where it is on this machine."""

    def __init__(self, path: Path, env: dict[str, str], word: str) -> None:
        self.env = env
        self._path = path
        self._word = word

    def read(self) -> str:
        """What came after the word; "" for no report, or one that is too long. Blocking."""
        content = _content(self._path).decode("utf-8", "replace")
        word, _, told = content.partition("\n")
        return told if secrets.compare_digest(word.encode(), self._word.encode()) else ""


@contextlib.contextmanager
def awaited(isolation: Isolation, place: Place) -> Iterator[Report]:
    """A report from the next command in the view. Blocking."""
    name, word = f"ces-{secrets.token_hex(8)}", secrets.token_hex(16)
    path = place.scratch / name
    path.write_text(f"{word}\n", "ascii")
    seen = f"/tmp/{name}" if isolation.encloses else str(path)
    try:
        yield Report(path, {VARIABLE: seen}, word)
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _content(path: Path) -> bytes:
    """Of a file that may be anything by now: a link, a pipe, a directory, endless."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return b""
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MOST_BYTES)
    finally:
        os.close(descriptor)
