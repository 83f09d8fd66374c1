"""What of a change to a tree smells of tricks, for whoever reads its verdict: it informs, and decides nothing.

In: a tree's root, its paths, a change and what lies below it. Out: flags. Blocking.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from ces import hacks, workspace
from ces.change import FileChange
from ces.diff import Read
from ces.errors import BadChange
from ces.verdict import Flag

log = logging.getLogger(__name__)

UNREADABLE = "unreadable"


def signs(
    root: Path, paths: Iterable[str], changes: Sequence[FileChange], below: Sequence[FileChange]
) -> tuple[Flag, ...]:
    """Every sign in `changes`, made to the tree at `root` with `below` over it. Where a detector breaks off, a flag
    says so."""
    try:
        case = hacks.Case(changes=tuple(changes), base=reading(root, below), paths=standing(paths, below))
        return hacks.flags(case)
    except Exception as error:  # the one guard of this job
        return (unread(changes, error),)


def unread(changes: Sequence[FileChange], error: Exception) -> Flag:
    """Says, here and in the log, that `error` ended the looking."""
    named = ", ".join(one.path for one in changes)[:200]
    log.error("a change could not be read for tricks: %s", named, exc_info=error)
    return Flag(name=UNREADABLE, path=None, message=f"looking for tricks broke off: {type(error).__name__}")


def reading(root: Path, over: Sequence[FileChange]) -> Read:
    """The tree's files, with `over` laid over them. What may not be read is not there: `validate` says why."""
    laid: dict[str, bytes | None] = {}
    for change in over:
        if change.old_path is not None:
            laid[change.old_path] = None
        laid[change.path] = change.after

    def read(path: str) -> bytes | None:
        if path in laid:
            return laid[path]
        try:
            workspace.check_path(root, path)
            return (root / path).read_bytes()
        except (BadChange, OSError):
            return None

    return read


def standing(paths: Iterable[str], over: Sequence[FileChange]) -> frozenset[str]:
    """Which files there are once `over` is laid over those at `paths`."""
    gone = {change.old_path for change in over} | {change.path for change in over if change.after is None}
    there = {change.path for change in over if change.after is not None}
    return frozenset((set(paths) - gone) | there)
