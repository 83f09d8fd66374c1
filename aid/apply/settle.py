"""What a wanted change means on the files as they are now: the move to make, or why it can't be made.

Reads through a `Tree`, writes nothing.
"""

import os

import msgspec

from aid.apply.rebase import hunks, lines, rebase
from aid.apply.record import Kept, Move, State
from aid.edits.edit import Rejected
from ces.change import FileChange
from ces.errors import BadChange
from ces.tree import NEW, Attributes, File, Stamp, Tree

_PERMISSIONS = 0o777


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A change and what its file is to have besides content.

    A file whose mode is no longer `mode_was` keeps the one it has: someone changed it since. None: whatever it was.
    """

    change: FileChange
    attributes: Attributes = NEW
    mode_was: int | None = None


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A move in the direction wanted. `stamp` is the file's as read, None where a file is made."""

    move: Move
    stamp: Stamp | None = None
    links: int = 1

    @property
    def source(self) -> str:
        return self.move.old_path or self.move.path


def as_proposed(change: FileChange) -> Wanted:
    """A proposal's change. It may set permissions, never setuid and the like."""
    mode = None if change.mode is None else change.mode & _PERMISSIONS
    if change.old_path == change.path:
        change = msgspec.structs.replace(change, old_path=None)
    return Wanted(change=change, attributes=Attributes(mode=mode))


def as_kept(move: Move, direction: State) -> Wanted:
    """A move of the journal, wanted again ("applied") or taken back ("undone")."""
    source, target, path, old_path = move.before, move.after, move.path, move.old_path
    if direction == "undone":
        source, target = target, source
        if old_path is not None:
            path, old_path = old_path, path
    change = FileChange(
        path=path,
        old_path=old_path,
        before=None if source is None else source.content,
        after=None if target is None else target.content,
    )
    return Wanted(
        change=change,
        attributes=NEW if target is None else target.attributes,
        mode_was=None if source is None else source.attributes.mode,
    )


def reversed_move(move: Move) -> Move:
    path, old_path = (move.path, None) if move.old_path is None else (move.old_path, move.path)
    return msgspec.structs.replace(
        move,
        path=path,
        old_path=old_path,
        before=move.after,
        after=move.before,
        added=move.removed,
        removed=move.added,
    )


def settle(tree: Tree, wanted: Wanted) -> Settled | Rejected:
    """`wanted` on the tree as it is; Rejected where the files are no longer what it was made from.

    Raises BadChange for what may not be touched at all. A file that is already as wanted gives a move marked `skipped`.
    """
    change = wanted.change
    source = change.old_path or change.path
    file = tree.read(source)
    there = tree.read(change.path) if change.old_path is not None else file
    if _is_done(wanted, file, there):
        return Settled(move=_move(wanted, change, file, skipped=True))
    if there is not None and (change.old_path is not None or change.before is None):
        return Rejected(path=change.path, reason="exists already")
    if file is not None and file.content == change.after:
        moved: FileChange | Rejected = msgspec.structs.replace(change, before=file.content)
    else:
        moved = rebase(change, None if file is None else file.content)
    if isinstance(moved, Rejected):
        return moved
    if file is None:
        return Settled(move=_move(wanted, moved, None))
    if file.attributes.uid != os.geteuid() and os.geteuid() != 0:
        raise BadChange(f"{source} belongs to another user, and replacing it would make it yours: ask its owner")
    return Settled(move=_move(wanted, moved, file), stamp=file.stamp, links=file.links)


def _is_done(wanted: Wanted, file: File | None, there: File | None) -> bool:
    change = wanted.change
    if change.after is None:
        return file is None
    if change.old_path is not None and file is not None:
        return False
    return there is not None and there.content == change.after and _mode(wanted, there) == there.attributes.mode


def _mode(wanted: Wanted, file: File) -> int | None:
    """The mode the file is to have."""
    mode = wanted.attributes.mode
    return mode if mode is not None and wanted.mode_was in (None, file.attributes.mode) else file.attributes.mode


def _move(wanted: Wanted, change: FileChange, file: File | None, *, skipped: bool = False) -> Move:
    before, after = change.before, change.after
    found = [] if before is None or after is None else hunks(lines(before), lines(after))
    attributes = wanted.attributes
    if file is not None:
        attributes = msgspec.structs.replace(file.attributes, mode=_mode(wanted, file))
    return Move(
        path=change.path,
        old_path=change.old_path,
        before=None if before is None else Kept(content=before, attributes=NEW if file is None else file.attributes),
        after=None if after is None else Kept(content=after, attributes=attributes),
        skipped=skipped,
        added=sum(each.new_last - each.new_first for each in found) if before is not None else len(lines(after or b"")),
        removed=sum(each.last - each.first for each in found) if after is not None else len(lines(before or b"")),
    )
