"""How much of what was accepted is still there later: the fraction of its added lines. Pure.

Lines are compared without leading and trailing blanks (formatting is no rewriting), blank ones don't count, and
where they stand doesn't matter: a line moved within the changed files survives. After Cody's measure of persistence.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ces.change import FileChange

AFTER_S = (30.0, 120.0, 600.0)


class Lines(msgspec.Struct, frozen=True):
    """What to look for later: of each line's hash, how often it was added and how often it was there anyway.

    `files` are the paths of the change set after it, where the lines are looked for.
    """

    files: tuple[str, ...]
    added: dict[str, int]
    kept: dict[str, int]


def added_lines(changes: Sequence[FileChange]) -> Lines | None:
    """The lines that `changes` adds to all their files together; None when there are none to look for."""
    text = [change for change in changes if not any(b"\0" in (side or b"") for side in (change.before, change.after))]
    before, after = _counted(change.before for change in text), _counted(change.after for change in text)
    added = after - before
    if not added:
        return None
    kept = {line: after[line] - count for line, count in added.items() if after[line] > count}
    return Lines(tuple(change.path for change in text if change.after is not None), dict(added), kept)


def surviving(lines: Lines, now: Mapping[str, bytes | None]) -> float:
    """The fraction, 0 to 1, of the added lines that `now`, the files' contents (None: gone), still holds."""
    found = _counted(now.get(path) for path in lines.files)
    there = sum(min(count, max(0, found[line] - lines.kept.get(line, 0))) for line, count in lines.added.items())
    return there / sum(lines.added.values())


def _counted(contents: Iterable[bytes | None]) -> Counter[str]:
    return Counter(_hash(line) for content in contents for line in (content or b"").splitlines() if line.strip())


def _hash(line: bytes) -> str:
    return hashlib.blake2b(line.strip(), digest_size=8).hexdigest()
