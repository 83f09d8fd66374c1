"""Accepting a proposal: which of its changes, and where each is written.

Documents open in the editor are changed there, by one `workspace/applyEdit`; the rest on disk. The disk goes first,
because it can be taken back: when the editor then refuses, it is. The disk is not written under text that someone has
not saved.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from aid import apply, edits
from aid.edits.edit import Rejected
from aid.errors import ApplyError, Refusal, StaleError, UsageError
from aid.protocol import AcceptParams, OutcomeResult, Proposal, RejectedEdit
from aid.session.client import Client
from aid.session.clients import Clients
from aid.session.documents import as_bytes
from aid.session.identity import again, did, name
from aid.session.proposals import Stored
from aid.session.steps import accepting, noted
from aid.session.summary import changed_files
from aid.session.workspace import Workspace
from ces.change import FileChange
from ces.errors import BadChange


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


async def accept(
    stored: Stored, params: AcceptParams, workspace: Workspace, client: Client, clients: Clients
) -> Acceptance:
    """`client`, one of `clients`, accepts.

    Raises UsageError for a part the proposal doesn't have, or has given already. Where an earlier daemon was asked the
    same, what it did of it is not done again.
    """
    if stored.outcome is not None and did(stored.by):
        return Acceptance(result=stored.outcome)
    if stored.proposal.state in ("accepted", "rejected"):
        raise UsageError(f"proposal {stored.proposal.id} is {stored.proposal.state} already: ask again for a new one")
    accepted = chosen(stored, params)
    changes = changes_to(stored, accepted)
    if not changes:
        raise UsageError(f"proposal {stored.proposal.id}: that part of it is accepted already")
    in_editor, on_disk, refused = split(changes, workspace, client if params.through_editor else None)
    if refused:
        return Acceptance(result=OutcomeResult(applied=None, refused=refused))
    afterwards = accepting(stored, accepted)
    try:
        refuse_unsaved(workspace, on_disk, clients)
        done = await _write(workspace, on_disk, stored.proposal) if on_disk else None
    except ApplyError as error:
        return Acceptance(result=OutcomeResult(applied=None, refused=told(error)))
    if any(change.before != change.after for change in in_editor):
        label = f"AID: {stored.proposal.summary or stored.proposal.id}"
        why = await client.apply_edit(workspace.root, in_editor, label)
        if why is not None:
            if done is not None:
                await asyncio.to_thread(apply.undo, workspace.root, done.id)
            refused = tuple(RejectedEdit(path=each.path, reason=why) for each in in_editor)
            return Acceptance(result=OutcomeResult(applied=None, refused=refused))
    result = OutcomeResult(
        applied=done.id if done else _part_id(afterwards),
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


def chosen(stored: Stored, params: AcceptParams) -> dict[str, tuple[int, ...]]:
    """The hunks of each file that are accepted once this is. Raises UsageError for a file or hunk that isn't there."""
    counts = {change.path: max(1, len(edits.hunks(change))) for change in stored.changes}
    for path in (*params.files, *(hunk.path for hunk in params.hunks)):
        if path not in counts:
            raise UsageError(f"proposal {stored.proposal.id} does not change {path}: it changes {', '.join(counts)}")
    for hunk in params.hunks:
        if not 0 <= hunk.index < counts[hunk.path]:
            raise UsageError(f"{hunk.path} has {counts[hunk.path]} hunks, counted from 0: there is no {hunk.index}")
    whole = set(params.files) if params.files or params.hunks else set(counts)
    accepted = {path: set(indices) for path, indices in stored.accepted.items()}
    for path in whole:
        accepted[path] = set(range(counts[path]))
    for hunk in params.hunks:
        accepted.setdefault(hunk.path, set()).add(hunk.index)
    return {path: tuple(sorted(indices)) for path, indices in accepted.items()}


def changes_to(stored: Stored, accepted: dict[str, tuple[int, ...]]) -> list[FileChange]:
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


def split(
    changes: Sequence[FileChange], workspace: Workspace, client: Client | None
) -> tuple[list[FileChange], list[FileChange], tuple[RejectedEdit, ...]]:
    """(open in the editor, on disk, refused). A document that changed since is re-anchored or refused."""
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
        shown = as_bytes(document.text, disk.content if disk else None)
        if again() and shown == change.after:
            in_editor.append(msgspec.structs.replace(change, before=shown))
            continue
        found = apply.rebase(change, shown)
        if isinstance(found, Rejected):
            refused.append(RejectedEdit(path=found.path, reason=found.reason, near=found.near))
        else:
            in_editor.append(found)
    return in_editor, on_disk, tuple(refused)


def refuse_unsaved(workspace: Workspace, changes: Sequence[FileChange], clients: Clients) -> None:
    """Raises StaleError for files that an editor shows otherwise than the disk has them."""
    refused = []
    for path in dict.fromkeys(path for change in changes for path in (change.old_path, change.path) if path):
        with contextlib.suppress(BadChange, OSError):  # said by who writes
            disk = workspace.tree.read(path)
            if clients.unsaved(workspace.root / path, disk.content if disk else None) is not None:
                told = f"{path} has unsaved changes in an editor: save it, or accept there"
                refused.append(Refusal(path, told))
    if refused:
        raise StaleError("; ".join(map(str, refused)), refused=tuple(refused))


async def _write(workspace: Workspace, changes: Sequence[FileChange], proposal: Proposal) -> apply.Applied:
    done = await asyncio.to_thread(apply.carried_out, workspace.root, again()) if again() else None
    if done is None:
        summary = proposal.summary or f"by {proposal.model}"
        done = await asyncio.to_thread(apply.apply, workspace.root, changes, summary=summary, id=proposal.id, by=name())
    workspace.index.touch(path for change in changes for path in (change.path, change.old_path) if path)
    return done


def told(error: ApplyError) -> tuple[RejectedEdit, ...]:
    if not error.refused:
        return (RejectedEdit(path=None, reason=str(error)),)
    return tuple(RejectedEdit(path=each.path, reason=each.reason, near=each.near) for each in error.refused)


def _part_id(stored: Stored) -> str:
    """What names changes made in an editor alone: the proposal's id, with the number of hunks for a part of it."""
    hunks = sum(len(indices) for indices in stored.accepted.values())
    return stored.proposal.id if stored.proposal.state == "accepted" else f"{stored.proposal.id}.{hunks}"
