"""Change sets to disk and back: all files or none, journaled, undoable.

In come a workspace's root and whole-file changes; out goes what was done, under an id to undo it by. A process killed
at any point leaves the old tree or the new one, once `recover` has run; every function here runs it first. Staleness is
judged by content. The functions block; the daemon calls them in a thread. Those of one workspace, in whatever process,
wait for each other.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aid.apply.opened import Opened, open_journal, opened
from aid.apply.rebase import rebase
from aid.apply.record import Move, Record, State, changed_files
from aid.apply.settle import Settled, as_kept, as_proposed, reversed_move
from aid.apply.transaction import Recovered
from aid.errors import ApplyError
from aid.protocol import ChangedFile, LogEntry
from ces.change import FileChange

__all__ = ["Applied", "Recovered", "Undone", "apply", "carried_out", "history", "rebase", "recover", "redo", "undo"]

SUMMARY_CHARACTERS = 200


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is what to undo it by. `notes` are one-line remarks for the person (hard links broken, a crash mended)."""

    id: str
    files: tuple[ChangedFile, ...]
    notes: tuple[str, ...] = ()


class Undone(Applied, frozen=True, kw_only=True):
    """`files` says what taking the change set back did: an added file is now deleted."""


def apply(
    root: Path, changes: Sequence[FileChange], *, summary: str = "", id: str | None = None, by: str = ""
) -> Applied:
    """Write `changes`, all or none. Raises ApplyError, StaleError where files are no longer what they were made from.

    A file edited elsewhere since is changed all the same (`rebase`); one that is already as wanted is left out. When
    `id` is taken, a number is put after it: the result says which id it is. `by` names the request this is for, so that
    one who is asked it again finds it `carried_out`.
    """
    with opened(root) as work:
        settled = [each for each in work.settle(list(map(as_proposed, changes))) if not each.move.skipped]
        if not settled:
            raise ApplyError("nothing to change: every file is already as wanted")
        moves = tuple(each.move for each in settled)
        wanted = Record(id=work.new_id(id), state="applied", moves=moves, summary=_one_line(summary), by=by)
        record = work.carry_out(settled, wanted)
    return Applied(id=record.id, files=changed_files(record.moves), notes=_notes(work, settled))


def undo(root: Path, id: str | None = None, *, by: str = "") -> Undone:
    """Take back the change set `id`, or the one last applied. Edits made elsewhere in its files stay.

    Raises UsageError for an unknown id and one already undone; StaleError, with nothing changed, where the person
    edited the same lines since, naming them.
    """
    with opened(root) as work:
        settled, record = _turn(work, id, "undone", by)
    files = changed_files(record.moves, backwards=True)
    return Undone(id=record.id, files=files, notes=_notes(work, settled))


def redo(root: Path, id: str | None = None, *, by: str = "") -> Applied:
    """Apply again the change set `id`, or the one last undone. Raises as `undo` does."""
    with opened(root) as work:
        settled, record = _turn(work, id, "applied", by)
    return Applied(id=record.id, files=changed_files(record.moves), notes=_notes(work, settled))


def carried_out(root: Path, by: str) -> Applied | None:
    """What the request `by` had done here: applied, undone or redone. None: nothing, or all of it was rolled back."""
    with opened(root) as work:
        name = work.journal.by(by)
        record = work.load(name) if name is not None else None
    if record is None:
        return None
    return Applied(id=record.id, files=changed_files(record.moves, backwards=record.state == "undone"))


def history(root: Path, limit: int = 20) -> list[LogEntry]:
    """What was applied in the workspace, the latest first, undone ones included."""
    recover(root)
    journal = open_journal(root)
    with journal.locked():
        entries = (journal.entry(name) for name in journal.names())
        return list(itertools.islice((entry for entry in entries if entry is not None), max(0, limit)))


def recover(root: Path) -> Recovered | None:
    """Finish or roll back what a killed process left; None when nothing was. Waits for one that is still at work."""
    if not open_journal(root).has_pending():
        return None
    with opened(root) as work:
        return work.recovered


def _turn(work: Opened, id_: str | None, state: State, by: str) -> tuple[list[Settled], Record]:
    """Carry a kept change set out once more, towards `state`."""
    kept = work.load(work.find(id_, "undone" if state == "applied" else "applied"))
    settled = work.settle([as_kept(move, state) for move in kept.moves])
    moves = tuple(_as_applied(each.move, old, state) for each, old in zip(settled, kept.moves, strict=True))
    wanted = Record(id=kept.id, state=state, moves=moves, unmade=kept.made, summary=kept.summary, by=by)
    return settled, work.carry_out(settled, wanted)


def _as_applied(carried_out: Move, kept: Move, direction: State) -> Move:
    if carried_out.skipped:
        return msgspec.structs.replace(kept, skipped=True)
    return carried_out if direction == "applied" else reversed_move(carried_out)


def _notes(work: Opened, settled: Sequence[Settled]) -> tuple[str, ...]:
    notes = []
    if work.recovered is not None:
        notes.append(f"change set {work.recovered.id} had been interrupted and was {work.recovered.outcome}")
        notes += [f"{path} was edited meanwhile and is left as it was found" for path in work.recovered.left]
    for each in settled:
        if each.links > 1 and not each.move.skipped:
            notes.append(f"{each.source} had {each.links} hard links: the others keep the old text")
    return tuple(notes)


def _one_line(summary: str) -> str:
    return " ".join(summary.encode("utf-8", "replace").decode("utf-8").split())[:SUMMARY_CHARACTERS]
