"""The workspace's folders and files, ignore rules obeyed, in sorted order. Reads names and sizes, no content.

Symbolic links are never followed (no loops, nothing outside the workspace); folders that can't be read are left out.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aid.context.ignore import CACHE_TAG, Rules

SNIFF_BYTES = 8192


class Found(msgspec.Struct, frozen=True):
    """A regular file. `path` is relative to the root, with `/`."""

    path: str
    size: int
    mtime_ns: int


def walk(root: Path, rules: Rules, folders: list[str]) -> Iterator[Found]:
    """Every file that is not ignored; `folders` gets every folder entered, "" for the root itself."""
    pending = [""]
    while pending:
        folder = pending.pop()
        entries = _entries(root, folder)
        if entries is None or (folder and any(entry.name == CACHE_TAG for entry in entries)):
            continue
        folders.append(folder)
        below: list[str] = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if not _speakable(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not rules.ignores(path, folder=True):
                    below.append(path)
                continue
            found = look(root, path)
            if found is not None and not rules.ignores(path, folder=False):
                yield found
        pending += reversed(below)


def look(root: Path, path: str) -> Found | None:
    """The regular file at `path` as it is now; None when there is none (a link is none)."""
    try:
        seen = os.lstat(root / path)
    except (OSError, ValueError):
        return None
    return Found(path, seen.st_size, seen.st_mtime_ns) if stat.S_ISREG(seen.st_mode) else None


def read(root: Path, path: str, limit: int) -> bytes | None:
    """A file's content; None when it can't be read, is larger than `limit` bytes or is binary (a NUL early on)."""
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            content = file.read(limit + 1)
    except (OSError, ValueError):
        return None
    return None if len(content) > limit or b"\0" in content[:SNIFF_BYTES] else content


def is_binary(root: Path, path: str) -> bool:
    """Whether the file's first bytes hold a NUL; a file that can't be read counts as binary."""
    try:
        with (root / path).open("rb") as file:
            return b"\0" in file.read(SNIFF_BYTES)
    except OSError:
        return True


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]] | None:
    try:
        with os.scandir(root / folder if folder else root) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return None


def _speakable(path: str) -> bool:
    """Whether a name is UTF-8 on one line: others can't be named in a prompt or a diff."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return path.isprintable()
