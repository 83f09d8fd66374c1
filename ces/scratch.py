"""Directories of the temporary one that a process needs only while it lives; one that is killed leaves them behind.

Each is locked by the process that made it, and a lock ends with its process, however that ends. Whoever makes one first
removes those of the same name that nobody holds. Blocking.
"""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from ces.isolation import remove_tree


class Scratch:
    """A new directory, `path`, until `close`."""

    def __init__(self, name: str) -> None:
        """`name` says what it is for."""
        self._lock: int | None = None
        _sweep(name)
        while self._lock is None:  # another's sweep may come between
            self.path = Path(tempfile.mkdtemp(prefix=_prefix(name)))
            self._lock = _locked(self.path)

    def close(self) -> None:
        if self._lock is not None:
            remove_tree(self.path)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _prefix(name: str) -> str:
    return f"ces-{name}-"


def _sweep(name: str) -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{_prefix(name)}*"):
        with contextlib.suppress(OSError):
            lock = _locked(left)
            if lock is not None:
                remove_tree(left)
                os.close(lock)


def _locked(directory: Path) -> int | None:
    """A descriptor that holds it; None where another process does, or it is no directory of ours (any more)."""
    try:
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen = os.fstat(lock)
        if seen.st_uid == os.geteuid() and os.path.samestat(seen, directory.lstat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None
