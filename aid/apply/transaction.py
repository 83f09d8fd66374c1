"""Carrying a record out, all files or none, and putting the tree right after a crash.

The order makes it safe: the record, on the disk; every new text in a temporary file beside its place, on the disk;
the renames and removals, on the disk; the commit. A record without its commit is finished when every file is as it is
to be, else rolled back.
"""

import errno
from collections.abc import Mapping
from typing import Literal

import msgspec

from aid.apply.journal import Journal
from aid.apply.rebase import rebase
from aid.apply.record import Effect, Kept, Record, effects
from aid.edits.edit import Rejected
from aid.errors import ApplyError, StaleError
from ces.change import FileChange
from ces.errors import BadChange
from ces.tree import File, Stamp, Tree, ancestors, parent

_ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room in your quota",
    errno.EFBIG: "raise the file size limit",
    errno.EROFS: "mount it writable",
    errno.EACCES: "change its permissions",
    errno.EPERM: "change its permissions",
    errno.EMFILE: "apply fewer directories at a time",
}


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What was done about a change set whose process died. `left`: files edited meanwhile, and left as they are."""

    id: str
    outcome: Literal["finished", "rolled back"]
    left: tuple[str, ...] = ()


def carry_out(tree: Tree, journal: Journal, record: Record, stamps: Mapping[str, Stamp]) -> None:
    """Do what `record` says, or nothing: ApplyError; StaleError when a file changed at the last moment.

    `stamps`: of the files to be replaced or removed, as they were read. Fsyncs: two for the journal, one a file
    written, one a directory touched.
    """
    todo = effects(record)
    try:
        journal.begin(record)
    except OSError as error:
        raise ApplyError(f"{told(error, 'the journal')}; nothing was changed") from error
    at = "the workspace"
    try:
        for at in record.made:
            tree.make_directory(at)
        for effect in todo:
            if effect.target is not None:
                at = effect.path
                tree.stage(at, effect.temporary, effect.target.content, effect.target.attributes, effect.like)
        for effect in todo:
            at = effect.path
            _switch(tree, effect, stamps.get(at))
        _conclude(tree, journal, record, todo)
    except (OSError, BadChange, StaleError) as error:
        why = told(error, at) if isinstance(error, OSError) else str(error)
        _take_back(tree, journal, record, why)
        stale = isinstance(error, StaleError | FileExistsError | FileNotFoundError)
        raise (StaleError if stale else ApplyError)(f"{why}; nothing was changed") from error
    except BaseException:
        if journal.has_pending():  # else the interrupt came after the commit
            _take_back(tree, journal, record, "interrupted")
        raise


def recover(tree: Tree, journal: Journal) -> Recovered | None:
    """Finish or roll back what a killed process was carrying out; None when nothing was."""
    record = journal.pending()
    if record is None:
        return None
    todo = effects(record)
    try:
        if all(_is_at(tree, effect.path, effect.target) for effect in todo):
            for effect in todo:
                tree.discard(effect.path, effect.temporary)
            _conclude(tree, journal, record, todo)
            return Recovered(id=record.id, outcome="finished")
        left = _roll_back(tree, record)
        journal.drop_pending()
    except OSError as error:
        raise ApplyError(
            f"change set {record.id} was interrupted and can't be rolled back yet: {told(error, 'a file of it')}"
        ) from error
    return Recovered(id=record.id, outcome="rolled back", left=left)


def told(error: OSError, what: str) -> str:
    """A system error in one line: what it was about, what was found, what to do."""
    advice = _ADVICE.get(error.errno or 0)
    return f"can't write {what}: {error.strerror or error}" + (f" ({advice}, then try again)" if advice else "")


def _switch(tree: Tree, effect: Effect, stamp: Stamp | None) -> None:
    if effect.source is None:
        tree.publish(effect.path, effect.temporary, replaces=False)
        return
    if tree.stamp(effect.path) != stamp:
        raise StaleError(f"{effect.path} was changed at this very moment: try again")
    if effect.target is None:
        tree.delete(effect.path)
    else:
        tree.publish(effect.path, effect.temporary, replaces=True)


def _conclude(tree: Tree, journal: Journal, record: Record, todo: list[Effect]) -> None:
    tree.remove_directories(record.unmade)
    tree.sync(_touched(record, todo))
    journal.commit(record)


def _touched(record: Record, todo: list[Effect]) -> set[str]:
    return {parent(effect.path) for effect in todo} | {parent(each) for each in (*record.made, *record.unmade)}


def _take_back(tree: Tree, journal: Journal, record: Record, why: str) -> None:
    try:
        _roll_back(tree, record)
        journal.drop_pending()
    except OSError as error:
        raise ApplyError(
            f"{why}; nor could the files be put back: {told(error, 'them')}; 'aid log' does it once that is mended"
        ) from error


def _roll_back(tree: Tree, record: Record) -> tuple[str, ...]:
    """Bring every file back to its source; the paths of those that were edited meanwhile and are left as they are.

    A path that is no longer a file inside the workspace is left alone too.
    """
    todo = effects(record)
    left = []
    for effect in todo:  # first of all, since it makes room
        try:
            tree.discard(effect.path, effect.temporary)
        except BadChange:
            left.append(effect.path)
    for effect in reversed(todo):
        try:
            if not _restore(tree, effect):
                left.append(effect.path)
        except BadChange:
            left.append(effect.path)
    tree.remove_directories(record.made)
    tree.sync(_touched(record, todo) - {above for path in left for above in ancestors(path)})
    return tuple(dict.fromkeys(left))


def _restore(tree: Tree, effect: Effect) -> bool:
    """Bring one file back to its source; False when it was edited meanwhile, in a way that allows neither text."""
    file, source, target = tree.read(effect.path), effect.source, effect.target
    if _is(file, source):
        return True
    if _is(file, target):
        _put(tree, effect, file, source)
        return True
    if file is None or source is None or target is None:
        return False
    if source.content == file.content:
        return True
    back = FileChange(path=effect.path, before=target.content, after=source.content)
    merged = rebase(back, file.content)
    if not isinstance(merged, Rejected):
        _put(tree, effect, file, Kept(content=merged.after or b"", attributes=source.attributes))
        return True
    forth = FileChange(path=effect.path, before=source.content, after=target.content)
    return not isinstance(rebase(forth, file.content), Rejected)


def _put(tree: Tree, effect: Effect, file: File | None, kept: Kept | None) -> None:
    if kept is None:
        tree.delete(effect.path)
        return
    for directory in tree.missing_parents(effect.path):
        tree.make_directory(directory)
    like = None if file is None else effect.path
    tree.stage(effect.path, effect.temporary, kept.content, kept.attributes, like)
    tree.publish(effect.path, effect.temporary, replaces=file is not None)


def _is_at(tree: Tree, path: str, kept: Kept | None) -> bool:
    try:
        return _is(tree.read(path), kept)
    except BadChange:
        return False


def _is(file: File | None, kept: Kept | None) -> bool:
    if file is None or kept is None:
        return file is None and kept is None
    mode = kept.attributes.mode
    return file.content == kept.content and mode in (None, file.attributes.mode)
