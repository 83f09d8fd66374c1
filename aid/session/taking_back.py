"""Taking back what was accepted into an editor's documents, and doing it again: there, or on disk once it was saved.

A three-way merge, as for the journal's undo: lines the person edited elsewhere since stay as they are. What was on
disk is the journal's; here are the halves of it that a record ties together.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from aid import apply
from aid.errors import ApplyError
from aid.protocol import OutcomeResult, RejectedEdit
from aid.session.acceptance import told
from aid.session.desk import Desk
from aid.session.identity import again, name
from aid.session.in_editor import Edited, InEditor, State
from aid.session.summary import changed_files
from ces.change import FileChange


def meant(edited: InEditor, root: Path, id_: str | None, state: State) -> Edited | None:
    """The record in `state` that a person means, None where they mean the journal's. Blocks.

    Raises UsageError where the record is in the other state already.
    """
    found = edited.find(root, id_, state)
    if found is None or id_ is not None or found.on_disk is not None:
        return found
    entries = [entry for entry in apply.history(root, limit=50) if entry.state == state]
    return found if not entries or found.at >= max(entry.at for entry in entries) else None


async def turn(found: Edited, to: State, desk: Desk) -> OutcomeResult:
    """Bring what `found` changed to the state `to`, all or nothing. The disk goes first: it can be turned again."""
    changes = [each if to == "applied" else _reversed(each) for each in found.changes]
    root = desk.workspace.root
    in_editor, on_disk, refused = desk.split(changes)
    if refused:
        return OutcomeResult(applied=None, refused=refused)
    done: list[apply.Applied] = []
    try:
        desk.refuse_unsaved(on_disk)
        await desk.begin(in_editor)
        if found.on_disk is not None:
            done.append(await asyncio.to_thread(_once, _journal(to), root, found.on_disk))
        if on_disk:
            summary = f"{'undo' if to == 'undone' else 'redo'} of {found.id}"
            done.append(await asyncio.to_thread(apply.apply, root, on_disk, summary=summary))
        why = await desk.edit(in_editor, f"AID: {to} {found.id}") if in_editor else None
    except ApplyError as error:
        await _take_back(done, found, to, root)
        return OutcomeResult(applied=None, refused=told(error))
    if why is not None:
        await _take_back(done, found, to, root)
        return OutcomeResult(
            applied=None, refused=tuple(RejectedEdit(path=each.path, reason=why) for each in in_editor)
        )
    desk.workspace.index.touch(path for each in changes for path in (each.path, each.old_path) if path)
    files = tuple(file for each in done for file in each.files) + changed_files(in_editor)
    notes = tuple(note for each in done for note in each.notes)
    return OutcomeResult(
        applied=found.id, files=files, in_editor=tuple(change.path for change in in_editor), notes=notes
    )


def _journal(to: State) -> Callable[..., apply.Applied]:
    return apply.redo if to == "applied" else apply.undo


def _once(turned: Callable[..., apply.Applied], root: Path, change: str) -> apply.Applied:
    """Unless an earlier daemon did so for the same request. Blocks."""
    done = apply.carried_out(root, again()) if again() else None
    return done or turned(root, change, by=name())


async def _take_back(done: Sequence[apply.Applied], found: Edited, to: State, root: Path) -> None:
    """The disk as it was, after the editor had refused its half."""
    for each in reversed(done):
        if each.id == found.on_disk:
            await asyncio.to_thread(_journal("undone" if to == "applied" else "applied"), root, each.id)
        else:
            await asyncio.to_thread(apply.undo, root, each.id)


def _reversed(change: FileChange) -> FileChange:
    return msgspec.structs.replace(
        change,
        path=change.old_path or change.path,
        old_path=change.path if change.old_path else None,
        before=change.after,
        after=change.before,
    )
