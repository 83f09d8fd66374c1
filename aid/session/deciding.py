"""The person's word on proposals, carried out: accepted, rejected, taken back, done again.

What is done is written down before it is answered, and in an order in which a daemon that is killed in between leaves
nothing that the next one, asked the same, would do twice or could not take back. Those of one workspace are carried
out one after the other: each begins with what the one before made of the proposal, and of the editor's documents.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from aid import apply
from aid.protocol import AcceptParams, OutcomeResult, RejectParams, UndoParams
from aid.session import steps
from aid.session.acceptance import accept
from aid.session.begun import Begun
from aid.session.client import Client
from aid.session.clients import Clients
from aid.session.desk import Desk
from aid.session.identity import again, did, name
from aid.session.in_editor import Edited, InEditor, State
from aid.session.proposals import Proposals, Stored
from aid.session.recording import Recording
from aid.session.store import Store
from aid.session.taking_back import meant, turn
from aid.session.threads import to_its_end, whole
from aid.session.workspaces import Workspaces
from aid.wording import outcome_line


class Decisions:
    """`clock` is seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        proposals: Proposals,
        workspaces: Workspaces,
        clients: Clients,
        recording: Recording,
        clock: Callable[[], float],
    ) -> None:
        self._proposals = proposals
        self._workspaces = workspaces
        self._clients = clients
        self._recording = recording
        self._clock = clock
        self._in_editor = InEditor(store)
        self._begun = Begun(store)
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    async def accept(self, params: AcceptParams, client: Client) -> OutcomeResult:
        """Write a proposal, or part of it: open documents through the editor when asked, the rest on disk."""
        async with self._alone_with(params) as stored:
            accepting = self._accept(stored, params, client)
            return await (accepting if params.through_editor else whole(accepting))

    async def reject(self, params: RejectParams) -> OutcomeResult:
        """Turn down what is left of a proposal, or part of that."""
        async with self._alone_with(params) as stored:
            return await self._reject(stored, params)

    async def undo(self, root: Path, params: UndoParams, client: Client) -> OutcomeResult:
        async with self._lock(root):
            undoing = self._undo(root, await self._meant(params, "undone"), client)
            result = await (undoing if params.through_editor else whole(undoing))
        return await self._turned_told(result, "taken back")

    async def redo(self, root: Path, params: UndoParams, client: Client) -> OutcomeResult:
        async with self._lock(root):
            redoing = self._redo(root, await self._meant(params, "applied"), client)
            result = await (redoing if params.through_editor else whole(redoing))
        return await self._turned_told(result, "applied again")

    @contextlib.asynccontextmanager
    async def _alone_with(self, params: AcceptParams | RejectParams) -> AsyncIterator[Stored]:
        """The proposal that is meant when it is asked, as the decisions asked before leave it."""
        meant = (await asyncio.to_thread(self._proposals.meant, params.id, params.workspace)).proposal
        async with self._lock(Path(meant.workspace)):
            yield await asyncio.to_thread(self._proposals.get, meant.id)

    def _lock(self, root: Path) -> asyncio.Lock:
        return self._locks.setdefault(root, asyncio.Lock())

    async def _accept(self, stored: Stored, params: AcceptParams, client: Client) -> OutcomeResult:
        root = Path(stored.proposal.workspace)
        async with self._workspaces.use(root) as workspace:
            accepted = await accept(stored, params, await Desk.of(workspace, client, self._clients, self._begun))
        applied = accepted.result.applied
        if accepted.in_editor and applied is not None:  # first: what is accepted can be taken back
            changes, on_disk = accepted.in_editor, accepted.on_disk
            edited = Edited(id=applied, at=self._clock(), state="applied", changes=changes, on_disk=on_disk)
            await to_its_end(self._in_editor.put, root, edited)
        if accepted.stored is not None:
            self._recording.accepted(accepted, root)
            self._clients.changed(root)
            await to_its_end(self._proposals.put, accepted.stored)
        if params.through_editor:
            await to_its_end(self._begun.forget, name())
        return _told(accepted.result, "accepted", stored.proposal.id)

    async def _reject(self, stored: Stored, params: RejectParams) -> OutcomeResult:
        if stored.outcome is not None and did(stored.by):
            return _told(stored.outcome, "rejected", stored.proposal.id)
        outcome = OutcomeResult(applied=None)
        rejected = await asyncio.to_thread(steps.rejecting, stored, params.files, params.hunks)
        await to_its_end(self._proposals.put, msgspec.structs.replace(rejected, by=name(), outcome=outcome))
        self._recording.rejected(rejected, params.reason)
        return _told(outcome, "rejected", stored.proposal.id)

    async def _undo(self, root: Path, params: UndoParams, client: Client) -> OutcomeResult:
        result = await self._turned(params, root, "undone", client)
        if result is not None:
            return result
        undone = await asyncio.to_thread(_once, apply.undo, root, params.id, name(), again())
        self._recording.undone(undone.id)
        await self._turn(undone.id, steps.undone)
        self._clients.changed(root)
        return OutcomeResult(applied=undone.id, files=undone.files, notes=undone.notes)

    async def _redo(self, root: Path, params: UndoParams, client: Client) -> OutcomeResult:
        result = await self._turned(params, root, "applied", client)
        if result is not None:
            return result
        redone = await asyncio.to_thread(_once, apply.redo, root, params.id, name(), again())
        self._recording.redone(redone.id)
        await self._turn(redone.id, steps.redone)
        self._clients.changed(root)
        return OutcomeResult(applied=redone.id, files=redone.files, notes=redone.notes)

    async def _meant(self, params: UndoParams, to: State) -> UndoParams:
        """`params` by the id of a change set, where they name a proposal."""
        if params.proposal is None or params.id is not None:
            return params
        stored = await asyncio.to_thread(self._proposals.get, params.proposal)
        return msgspec.structs.replace(params, id=steps.next_to(stored, to))

    async def _turned(self, params: UndoParams, root: Path, to: State, client: Client) -> OutcomeResult | None:
        """What was accepted into an editor taken back, or done again; None where the journal's is meant."""
        if not params.through_editor:
            return None
        known = await asyncio.to_thread(self._in_editor.turned_by, root, again())
        if known is not None:
            return known
        found = await asyncio.to_thread(
            meant, self._in_editor, root, params.id, "applied" if to == "undone" else "undone"
        )
        if found is None:
            return None
        async with self._workspaces.use(root) as workspace:
            result = await turn(found, to, await Desk.of(workspace, client, self._clients, self._begun))
        if result.applied is not None:
            record = self._recording.undone if to == "undone" else self._recording.redone
            record(result.applied)
            await self._turn(result.applied, steps.undone if to == "undone" else steps.redone)
            self._clients.changed(root)
            turned = msgspec.structs.replace(found, state=to, at=self._clock(), by=name(), outcome=result)
            await to_its_end(self._in_editor.put, root, turned)
        await to_its_end(self._begun.forget, name())
        return result

    async def _turn(self, applied: str, turned: Callable[[Stored, str], Stored]) -> None:
        """A change set was undone or redone: its proposal shows that, where it is still kept."""
        stored = await to_its_end(self._proposals.turn, applied, turned)
        if stored is not None:
            self._recording.decided(stored)

    async def _turned_told(self, result: OutcomeResult, done: str) -> OutcomeResult:
        stored = await asyncio.to_thread(self._proposals.of, result.applied) if result.applied else None
        return _told(result, done, stored.proposal.id if stored else None)


def _once(turn: Callable[..., apply.Applied], root: Path, change: str | None, by: str, before: str) -> apply.Applied:
    """Undo or redo, unless the request did so already when an earlier daemon was asked. Blocks."""
    done = apply.carried_out(root, before) if before else None
    return done or turn(root, change, by=by)


def _told(outcome: OutcomeResult, done: str, proposal: str | None) -> OutcomeResult:
    """With what it is in words, and the proposal that it is of."""
    return msgspec.structs.replace(outcome, line=outcome_line(outcome, done), proposal=proposal)
