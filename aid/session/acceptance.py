"""Accepting a proposal: which of its changes, and where each is written.

Documents open in the editor are changed there, by one `workspace/applyEdit`; the rest on disk. The disk goes first,
because it can be taken back: when the editor then refuses, it is.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from aid import apply, edits
from aid.edits.edit import Rejected
from aid.errors import ApplyError, UsageError
from aid.protocol import AcceptParams, OutcomeResult, Proposal, RejectedEdit
from aid.session.client import Client
from aid.session.documents import as_bytes
from aid.session.proposals import Stored
from aid.session.summary import changed_files
from aid.session.workspace import Workspace
from ces.change import FileChange


async def accept(
    stored: Stored, params: AcceptParams, workspace: Workspace, client: Client
) -> tuple[OutcomeResult, Stored | None]:
    """What was done, and the proposal as it is afterwards; None when nothing was changed."""
    if stored.proposal.state in ("accepted", "rejected", "undone"):
        raise UsageError(f"proposal {params.id} is {stored.proposal.state} already: ask again for a new one")
    changes = chosen(stored.changes, params)
    in_editor, on_disk, refused = _split(changes, workspace, client if params.through_editor else None)
    if refused:
        return OutcomeResult(applied=None, refused=refused), None
    try:
        done = await _write(workspace, on_disk, stored.proposal) if on_disk else None
    except ApplyError as error:
        return OutcomeResult(applied=None, refused=_refused(error)), None
    if in_editor:
        why = await client.apply_edit(workspace.root, in_editor, f"AID: {stored.proposal.summary or params.id}")
        if why is not None:
            if done is not None:
                await asyncio.to_thread(apply.undo, workspace.root, done.id)
            refused = tuple(RejectedEdit(path=each.path, reason=why) for each in in_editor)
            return OutcomeResult(applied=None, refused=refused), None
    result = OutcomeResult(
        applied=done.id if done else None,
        files=changed_files([*on_disk, *in_editor]),
        in_editor=tuple(change.path for change in in_editor),
        notes=done.notes if done else (),
    )
    return result, _afterwards(stored, changes, result)


def chosen(changes: Sequence[FileChange], params: AcceptParams) -> tuple[FileChange, ...]:
    """The part of a proposal that is accepted. Raises UsageError for a file or hunk it doesn't have."""
    if not params.files and not params.hunks:
        return tuple(changes)
    by_path = {change.path: change for change in changes}
    hunks: dict[str, set[int]] = {}
    for hunk in params.hunks:
        hunks.setdefault(hunk.path, set()).add(hunk.index)
    for path in (*params.files, *hunks):
        if path not in by_path:
            raise UsageError(f"proposal {params.id} does not change {path}: it changes {', '.join(by_path)}")
    picked = [by_path[path] for path in dict.fromkeys(params.files)]
    for path, indices in hunks.items():
        if path in params.files:
            continue
        count = len(edits.hunks(by_path[path]))
        if any(not 0 <= index < count for index in indices):
            raise UsageError(f"{path} has {count} hunks, counted from 0")
        picked.append(edits.select(by_path[path], sorted(indices)))
    return tuple(picked)


def _split(
    changes: Sequence[FileChange], workspace: Workspace, client: Client | None
) -> tuple[list[FileChange], list[FileChange], tuple[RejectedEdit, ...]]:
    """(open in the editor, on disk, refused): a document that changed since is re-anchored or refused."""
    opened = client.documents() if client else {}
    in_editor: list[FileChange] = []
    on_disk: list[FileChange] = []
    refused: list[RejectedEdit] = []
    for change in changes:
        document = opened.get(workspace.root / (change.old_path or change.path))
        if document is None:
            on_disk.append(change)
            continue
        disk = workspace.tree.read(change.old_path or change.path)
        found = apply.rebase(change, as_bytes(document.text, disk.content if disk else None))
        if isinstance(found, Rejected):
            refused.append(RejectedEdit(path=found.path, reason=found.reason, near=found.near))
        else:
            in_editor.append(found)
    return in_editor, on_disk, tuple(refused)


async def _write(workspace: Workspace, changes: Sequence[FileChange], proposal: Proposal) -> apply.Applied:
    done = await asyncio.to_thread(
        apply.apply, workspace.root, changes, summary=proposal.summary or f"by {proposal.model}", id=proposal.id
    )
    workspace.index.touch(path for change in changes for path in (change.path, change.old_path) if path)
    return done


def _refused(error: ApplyError) -> tuple[RejectedEdit, ...]:
    if not error.refused:
        return (RejectedEdit(path=None, reason=str(error)),)
    return tuple(RejectedEdit(path=each.path, reason=each.reason, near=each.near) for each in error.refused)


def _afterwards(stored: Stored, changes: Sequence[FileChange], result: OutcomeResult) -> Stored:
    whole = tuple(changes) == stored.changes
    proposal = msgspec.structs.replace(stored.proposal, state="accepted" if whole else "partly")
    applied = (*stored.applied, *((result.applied,) if result.applied else ()))
    return msgspec.structs.replace(stored, proposal=proposal, applied=applied)
