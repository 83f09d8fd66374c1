"""Accepting a proposal: which of its changes, and where each is written.

Documents open in the editor are changed there, by one `workspace/applyEdit`; the rest on disk. The disk goes first,
because it can be taken back: when the editor then refuses, it is. The disk is not written under text that someone has
not saved.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from aid import apply, edits
from aid.errors import ApplyError, UsageError
from aid.protocol import AcceptParams, OutcomeResult, RejectedEdit
from aid.session.desk import Desk
from aid.session.identity import again, did, name
from aid.session.proposals import Hunks, Stored
from aid.session.steps import both, deciding, named, noted
from aid.session.summary import changed_files
from aid.session.workspace import Workspace
from ces.change import FileChange


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What was done; `stored` is the proposal afterwards (None: nothing was changed), `changes` what was written.

    `on_disk`: the journal's id, None when the disk was not written.
    """

    result: OutcomeResult
    stored: Stored | None = None
    on_disk: str | None = None
    changes: tuple[FileChange, ...] = ()

    @property
    def in_editor(self) -> tuple[FileChange, ...]:
        return tuple(change for change in self.changes if change.path in self.result.in_editor)


async def accept(stored: Stored, params: AcceptParams, desk: Desk) -> Acceptance:
    """The person at `desk` accepts.

    Raises UsageError for a part the proposal doesn't have, or has given already. Where an earlier daemon was asked the
    same, what it did of it is not done again.
    """
    if stored.outcome is not None and did(stored.by):
        return Acceptance(result=stored.outcome)
    state = stored.proposal.state
    if state == "accepted" or (state == "rejected" and not params.hunks):
        raise UsageError(f"proposal {stored.proposal.id} is {state} already: ask again for a new one")
    accepted = chosen(stored, params)
    changes = changes_to(stored, accepted)
    if not changes:
        raise UsageError(f"proposal {stored.proposal.id}: nothing is left to accept of that")
    in_editor, on_disk, refused = desk.split(changes, through_editor=params.through_editor)
    if refused:
        return Acceptance(result=OutcomeResult(applied=None, refused=refused))
    afterwards = deciding(stored, accepted=accepted)
    try:
        desk.refuse_unsaved(on_disk)
        await desk.begin(in_editor)
        done = await _write(desk.workspace, on_disk, stored) if on_disk else None
    except ApplyError as error:
        return Acceptance(result=OutcomeResult(applied=None, refused=told(error)))
    if in_editor:
        why = await desk.edit(in_editor, f"AID: {stored.proposal.summary or stored.proposal.id}")
        if why is not None:
            if done is not None:
                await asyncio.to_thread(apply.undo, desk.workspace.root, done.id)
            refused = tuple(RejectedEdit(path=each.path, reason=why) for each in in_editor)
            return Acceptance(result=OutcomeResult(applied=None, refused=refused))
    result = OutcomeResult(
        applied=done.id if done else _step_id(stored),
        files=changed_files([*on_disk, *in_editor]),
        in_editor=tuple(change.path for change in in_editor),
        notes=done.notes if done else (),
    )
    after = msgspec.structs.replace(noted(stored, afterwards, result.applied), by=name(), outcome=result)
    return Acceptance(
        result=result,
        stored=after,
        on_disk=done.id if done else None,
        changes=(*on_disk, *in_editor),
    )


def chosen(stored: Stored, params: AcceptParams) -> Hunks:
    """The hunks of each file that are accepted once this is. Raises UsageError for a file or hunk that isn't there."""
    meant = named(stored, params.files, params.hunks)
    asked_for = {(hunk.path, hunk.index) for hunk in params.hunks}
    rejected = {(path, index) for path, indices in stored.rejected.items() for index in indices} - asked_for
    fresh = {path: tuple(each for each in indices if (path, each) not in rejected) for path, indices in meant.items()}
    return both(stored.accepted, {path: indices for path, indices in fresh.items() if indices})


def changes_to(stored: Stored, accepted: Hunks) -> list[FileChange]:
    """The changes from what was accepted of the proposal before to what is accepted now."""
    steps = []
    for change in stored.changes:
        now = accepted.get(change.path, ())
        before = stored.accepted.get(change.path, ())
        if now == before:
            continue
        wanted = edits.select(change, now) if edits.hunks(change) else change
        if before:
            had = edits.select(change, before)
            wanted = FileChange(path=change.path, before=had.after, after=wanted.after, mode=change.mode)
        steps.append(wanted)
    return steps


async def _write(workspace: Workspace, changes: Sequence[FileChange], stored: Stored) -> apply.Applied:
    done = await asyncio.to_thread(apply.carried_out, workspace.root, again()) if again() else None
    if done is None:
        summary, id_ = stored.proposal.summary or f"by {stored.proposal.model}", _step_id(stored)
        done = await asyncio.to_thread(apply.apply, workspace.root, changes, summary=summary, id=id_, by=name())
    workspace.index.touch(path for change in changes for path in (change.path, change.old_path) if path)
    return done


def told(error: ApplyError) -> tuple[RejectedEdit, ...]:
    if not error.refused:
        return (RejectedEdit(path=None, reason=str(error)),)
    return tuple(RejectedEdit(path=each.path, reason=each.reason, near=each.near) for each in error.refused)


def _step_id(stored: Stored) -> str:
    """What the next change set of a proposal is undone by: the proposal's id, from the second on with a number."""
    return f"{stored.proposal.id}-{len(stored.steps) + 1}" if stored.steps else stored.proposal.id
