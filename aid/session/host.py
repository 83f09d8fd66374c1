"""The host: everything the daemon does, without a wire.

One per daemon. Each method takes a struct of `aid.protocol` and the `Client` that sent it, and answers with a struct;
what goes wrong is an AidError. Cancelling the task that runs a method cancels the work.
"""

import asyncio
import contextlib
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from aid import apply, edits, protocol
from aid.config import Config, Loaded
from aid.context.index import index_folder
from aid.context.stale import drop_stale
from aid.errors import AidError, Refusal, UsageError
from aid.models.backend import Backend, Opens
from aid.session import chat_text, steps
from aid.session.acceptance import accept
from aid.session.asked import attached
from aid.session.begun import Begun
from aid.session.chats import Chats
from aid.session.choices import Choices
from aid.session.client import Client
from aid.session.clients import Clients
from aid.session.desk import Desk
from aid.session.identity import IDENTITY, again, did, name
from aid.session.in_editor import Edited, InEditor, State
from aid.session.outlook import only, outlook
from aid.session.proposals import Proposals, Stored
from aid.session.recording import Recording
from aid.session.replies import Replies
from aid.session.roster import Roster, entries, settings_of
from aid.session.status import HostStatus
from aid.session.store import Store
from aid.session.taking_back import meant, turn
from aid.session.turn import Ended, Setting, Turn, as_candidate
from aid.session.workspace import Workspace
from aid.session.workspaces import Workspaces
from aid.verify import may_apply
from aid.wording import outcome_line
from ces.verdict import BuildStatus

RUNNING_AT_ONCE = 64

P = ParamSpec("P")
T = TypeVar("T")
Meant = protocol.ProposalParams | protocol.ProposedParams | protocol.AcceptParams | protocol.RejectParams

log = logging.getLogger(__name__)


class Host:
    """`clock` is seconds since the epoch."""

    def __init__(self, load: Callable[[Path | None], Loaded], clock: Callable[[], float] = time.time) -> None:
        self._load = load
        self._clients = Clients()
        self._roster = Roster()
        self._clock = clock
        config = load(None).config
        self._store = Store()
        self._proposals = Proposals(self._store, config.sessions)
        self._in_editor = InEditor(self._store)
        self._begun = Begun(self._store)
        self._chats = Chats(self._store, config.sessions)
        self._choices = Choices(self._store)
        self._recording = Recording(config.metrics, self._clients.read, clock)
        self._workspaces = Workspaces(load, self._clients.holds)
        self._slots = asyncio.Semaphore(RUNNING_AT_ONCE)
        self._running = 0

    def joined(self, client: Client) -> None:
        """Someone connected: their open documents count from now on."""
        self._clients.joined(client)

    def left(self, client: Client) -> None:
        self._clients.left(client)

    async def warm(self) -> None:
        """Import and open what the first request would otherwise wait for; tidy the cache. Call it once listening."""
        config = self._load(None).config
        try:
            backend = self._roster.backend(await self._default(None, config), config)
            if isinstance(backend, Opens):
                await backend.open()
        except AidError as error:
            log.info("the default model is not ready: %s", error)
        try:
            await asyncio.to_thread(self._forget_old)
        except AidError as error:
            log.warning("what is old is not forgotten: %s", error)
        dropped = await asyncio.to_thread(drop_stale, index_folder())
        if dropped:
            log.info("dropped %d indexes of workspaces that are gone", len(dropped))

    async def prompt(self, params: protocol.PromptParams, client: Client) -> protocol.PromptResult:
        """Ask, judge, propose; with `params.apply` write what may be written (`aid.verify.may_apply`)."""
        arrived = time.monotonic()
        identity = IDENTITY.get()
        request = f"r{identity.name if identity is not None else os.urandom(6).hex()}"
        if again():
            client.update(protocol.UpdateParams(request=request, kind="restart", token=params.token))
        async with self._slots:
            self._running += 1
            try:
                setting = await self._setting(request, params, arrived)
                root = _root(params.workspace)
                if params.chat:
                    history = await asyncio.to_thread(self._chats.history, root, params.chat)
                    setting = msgspec.structs.replace(setting, history=history)
                setting = msgspec.structs.replace(setting, replies=await Replies.of(identity))
                async with self._workspaces.use(root) as workspace:
                    return await self._answer(setting, workspace, client)
            finally:
                self._running -= 1

    async def proposal(self, params: protocol.ProposalParams, client: Client) -> protocol.Proposal:
        found = (await self._stored(params)).proposal
        return msgspec.structs.replace(found, markdown=chat_text.shown(found)) if params.markdown else found

    async def proposed(self, params: protocol.ProposedParams, client: Client) -> protocol.ProposedResult:
        stored = await self._stored(params)
        async with self._workspaces.use(Path(stored.proposal.workspace)) as workspace:
            files = await asyncio.to_thread(outlook, stored, workspace, client)
        return protocol.ProposedResult(files=files if params.path is None else (only(files, params.path),))

    async def proposals(self, params: protocol.ProposalsParams, client: Client) -> protocol.ProposalsResult:
        found = await asyncio.to_thread(self._proposals.waiting, _root(params.workspace))
        return protocol.ProposalsResult(proposals=tuple(found))

    async def chats(self, params: protocol.ChatsParams, client: Client) -> protocol.ChatsResult:
        return protocol.ChatsResult(chats=await asyncio.to_thread(self._chats.entries, _root(params.workspace)))

    async def chat(self, params: protocol.ChatParams, client: Client) -> protocol.ChatResult:
        return await asyncio.to_thread(self._chat, _root(params.workspace), params)

    async def forget_chat(self, params: protocol.ChatParams, client: Client) -> protocol.Empty:
        await _done(self._chats.forget, _root(params.workspace), params.chat)
        return protocol.Empty()

    async def accept(self, params: protocol.AcceptParams, client: Client) -> protocol.OutcomeResult:
        """Write a proposal, or part of it: open documents through the editor when asked, the rest on disk."""
        stored = await self._stored(params)
        root = Path(stored.proposal.workspace)
        async with self._workspaces.use(root) as workspace:
            done = await accept(stored, params, await Desk.of(workspace, client, self._clients, self._begun))
        if done.in_editor and done.result.applied is not None:  # first: what is accepted can be taken back
            edited = Edited(
                id=done.result.applied, at=self._clock(), state="applied", changes=done.in_editor, on_disk=done.on_disk
            )
            await _done(self._in_editor.put, root, edited)
        if done.stored is not None:
            self._recording.accepted(done, root)
            self._clients.changed(root)
            await _done(self._proposals.put, done.stored)
        if params.through_editor:
            await _done(self._begun.forget, name())
        return _told(done.result, "accepted", stored.proposal.id)

    async def reject(self, params: protocol.RejectParams, client: Client) -> protocol.OutcomeResult:
        """Turn down what is left of a proposal, or part of that."""
        stored = await self._stored(params)
        if stored.outcome is not None and did(stored.by):
            return _told(stored.outcome, "rejected", stored.proposal.id)
        outcome = protocol.OutcomeResult(applied=None)
        rejected = await asyncio.to_thread(steps.rejecting, stored, params.files, params.hunks)
        await _done(self._proposals.put, msgspec.structs.replace(rejected, by=name(), outcome=outcome))
        self._recording.rejected(rejected, params.reason)
        return _told(outcome, "rejected", stored.proposal.id)

    async def undo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        result = await self._undo(params, client)
        return _told(result, "taken back", await asyncio.to_thread(self._proposal_of, result.applied))

    async def redo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        result = await self._redo(params, client)
        return _told(result, "applied again", await asyncio.to_thread(self._proposal_of, result.applied))

    async def _undo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        root, params = _root(params.workspace), await self._meant(params, "undone")
        result = await self._turned(params, root, "undone", client)
        if result is not None:
            return result
        undone = await asyncio.to_thread(_once, apply.undo, root, params.id, name(), again())
        self._recording.undone(undone.id)
        await self._turn(undone.id, steps.undone)
        self._clients.changed(root)
        return protocol.OutcomeResult(applied=undone.id, files=undone.files, notes=undone.notes)

    async def _redo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        root, params = _root(params.workspace), await self._meant(params, "applied")
        result = await self._turned(params, root, "applied", client)
        if result is not None:
            return result
        done = await asyncio.to_thread(_once, apply.redo, root, params.id, name(), again())
        self._recording.redone(done.id)
        await self._turn(done.id, steps.redone)
        self._clients.changed(root)
        return protocol.OutcomeResult(applied=done.id, files=done.files, notes=done.notes)

    async def _meant(self, params: protocol.UndoParams, to: State) -> protocol.UndoParams:
        """`params` by the id of a change set, where they name a proposal."""
        if params.proposal is None or params.id is not None:
            return params
        stored = await asyncio.to_thread(self._proposals.get, params.proposal)
        return msgspec.structs.replace(params, id=steps.next_to(stored, to))

    async def _turned(
        self, params: protocol.UndoParams, root: Path, to: State, client: Client
    ) -> protocol.OutcomeResult | None:
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
            await _done(self._in_editor.put, root, turned)
        await _done(self._begun.forget, name())
        return result

    async def log(self, params: protocol.LogParams, client: Client) -> protocol.LogResult:
        entries = await asyncio.to_thread(apply.history, _root(params.workspace), params.limit)
        return protocol.LogResult(entries=tuple(entries))

    async def build(self, params: protocol.BuildParams, client: Client) -> BuildStatus:
        """What the build says of the workspace as the client sees it, unsaved text included."""
        async with self._workspaces.use(_root(params.workspace)) as workspace:
            return await workspace.build_status(workspace.view(client))

    async def models(self, params: protocol.ModelsParams, client: Client) -> protocol.ModelsResult:
        root = _root(params.workspace) if params.workspace else None
        config = self._load(root).config
        return protocol.ModelsResult(models=entries(await self._default(root, config), config))

    async def set_model(self, params: protocol.SetModelParams, client: Client) -> protocol.ModelsResult:
        root = _root(params.workspace) if params.workspace else None
        config = self._load(root).config
        settings_of(params.model, config)
        await _done(self._choices.put, root, params.model, config)
        return protocol.ModelsResult(models=entries(await self._default(root, config), config))

    async def status(self) -> HostStatus:
        """Never fails: a typo in aid.toml must not hide a running daemon."""
        workspaces = tuple(
            protocol.WorkspaceStatus(
                root=str(each.root),
                files=each.index.files,
                indexed=each.index.ready,
                build=each.last_build,
                early=each.early_count,
            )
            for each in self._workspaces.opened
        )
        try:
            config = self._load(None).config
            models = entries(await self._default(None, config), config)
        except AidError as error:
            return HostStatus(workspaces=workspaces, running=self._running, config_error=str(error))
        return HostStatus(workspaces=workspaces, models=models, running=self._running)

    async def stats(self, params: protocol.StatsParams, client: Client) -> dict[str, Any]:
        return await asyncio.to_thread(self._recording.stats, params.workspace, params.days)

    async def settle(self) -> None:
        """Wait until what is being closed, of workspaces that nobody needs, is closed."""
        await self._workspaces.settle()

    async def close(self, *, models: bool = False) -> None:
        """Let go of everything; `models`: end the model workers too."""
        await self._workspaces.close()
        await self._roster.close()
        await self._recording.close()
        await asyncio.to_thread(self._store.close)
        if models:
            await asyncio.to_thread(_stop_workers)

    async def _default(self, root: Path | None, config: Config) -> str:
        return await asyncio.to_thread(self._choices.default, root, config)

    async def _setting(self, request: str, params: protocol.PromptParams, arrived: float) -> Setting:
        root = _root(params.workspace)
        if params.markdown:
            params = chat_text.read(params)
        if not params.prompt.strip() and params.fix is None:
            raise UsageError("the prompt is empty: say what is to be changed")
        loaded = self._load(root)
        config = loaded.config
        name = params.model or await self._default(root, config)
        backend = self._roster.backend(name, config)
        if params.adapter is not None and not backend.capabilities.adapters:
            raise UsageError(f"model {name} takes no adapter: leave --adapter out, or name an embedded model")
        hints = self._hints(backend, config)
        return Setting(
            request=request,
            params=params,
            config=config,
            withheld=loaded.withheld,
            backend=backend,
            hints=hints,
            at=self._clock(),
            arrived=arrived,
        )

    def _hints(self, backend: Backend, config: Config) -> Backend | None:
        if backend.name == "hints":
            return backend
        return self._roster.backend("hints", config) if config.verify.hints else None

    async def _answer(self, setting: Setting, workspace: Workspace, client: Client) -> protocol.PromptResult:
        try:
            ended = await Turn(setting, workspace, client).run()
        except BaseException as error:
            self._recording.failed(setting, workspace.root, error)
            raise
        setting = msgspec.structs.replace(setting, params=ended.params)
        reason, said = _reason(ended, setting), await asyncio.to_thread(_prose, ended)
        try:
            await _done(self._keep, setting, ended, workspace.root, reason, said)
        except AidError as error:
            log.warning("a proposal is not kept: %s", error)
            told = f"the proposal can't be kept for later: {error}"
            client.update(
                protocol.UpdateParams(request=setting.request, kind="status", token=setting.params.token, text=told)
            )
        proposal, applied = ended.stored.proposal if ended.stored else None, None
        if setting.params.apply and proposal is not None:
            applied, reason = await self._apply(ended, workspace, client, judging=setting.config.verify.enabled)
            proposal = (await self._stored(protocol.ProposalParams(id=proposal.id))).proposal
        self._recording.answered(setting, ended, workspace.root)
        timings = msgspec.structs.replace(ended.timings, total=(time.monotonic() - setting.arrived) * 1000)
        return protocol.PromptResult(
            id=setting.request,
            model=_model(ended, setting),
            prompt=setting.params.prompt,
            text=_text(ended),
            prose=said,
            proposal=proposal,
            candidates=tuple(as_candidate(judged) for judged in ended.judged),
            sources=ended.context.uses,
            timings_ms=timings,
            applied=applied,
            reason=reason,
            markdown=chat_text.answer(said, reason, proposal) if setting.params.markdown else "",
        )

    def _forget_old(self) -> None:
        """Blocks."""
        now = self._clock()
        self._proposals.forget_old(now)
        self._chats.forget_old(now)

    def _keep(self, setting: Setting, ended: Ended, root: Path, reason: str | None, said: str) -> None:
        """The proposals, and the chat's turn: the person's words and the answer shown, not the context. Blocks."""
        shown = (ended.stored,) if ended.stored else ()
        self._proposals.put(*filter(self._is_news, (*ended.others, *shown)))
        params = setting.params
        if params.chat and not self._is_remembered(setting, root):
            turn = protocol.ChatTurn(
                request=setting.request,
                at=setting.at,
                prompt=params.prompt,
                text=_text(ended),
                prose=said,
                model=_model(ended, setting),
                attached=attached(params, root),
                proposal=shown[0].proposal.id if shown else None,
                reason=reason,
            )
            self._chats.remember(root, params.chat, turn)

    def _is_news(self, stored: Stored) -> bool:
        """Not what the same request proposed to an earlier daemon, and then wrote. Blocks."""
        with contextlib.suppress(UsageError):
            return not (again() and did(self._proposals.get(stored.proposal.id).by))
        return True

    def _is_remembered(self, setting: Setting, root: Path) -> bool:
        """Whether an earlier daemon remembered the turn. Blocks."""
        turns = self._chats.turns(root, setting.params.chat or "", 1) if again() else ()
        return any(each.request == setting.request for each in turns)

    async def _turn(self, applied: str, turned: Callable[[Stored, str], Stored]) -> None:
        """A change set was undone or redone: its proposal shows that, where it is still kept."""
        proposal = await asyncio.to_thread(self._proposal_of, applied)
        if proposal is not None:
            stored = turned(await asyncio.to_thread(self._proposals.get, proposal), applied)
            await _done(self._proposals.put, stored)
            self._recording.decided(stored)

    def _proposal_of(self, applied: str | None) -> str | None:
        """The proposal, where it is still kept, that a change set is of. Blocks."""
        with contextlib.suppress(UsageError):
            return self._proposals.get(re.split("[-.]", applied or "")[0]).proposal.id
        return None

    def _chat(self, root: Path, params: protocol.ChatParams) -> protocol.ChatResult:
        """Blocks."""
        turns = self._chats.turns(root, params.chat)
        kept = self._proposals.kept(each.proposal for each in turns if each.proposal) if params.markdown else {}
        return protocol.ChatResult(turns=turns, markdown=chat_text.chat(turns, kept) if params.markdown else "")

    async def _stored(self, meant: Meant) -> Stored:
        return await asyncio.to_thread(self._proposals.meant, meant.id, meant.workspace)

    async def _apply(
        self, ended: Ended, workspace: Workspace, client: Client, *, judging: bool
    ) -> tuple[str | None, str | None]:
        assert ended.stored is not None
        proposal = ended.stored.proposal
        refusal = may_apply(proposal.verdict, has_build=judging and workspace.has_build)
        if refusal is not None:
            return None, f"not applied: {refusal}; 'aid accept {proposal.id}' applies it all the same"
        result = await self.accept(protocol.AcceptParams(id=proposal.id), client)
        told = "; ".join(str(Refusal(each.path, each.reason, each.near)) for each in result.refused)
        return result.applied, f"not applied: {told}" if result.refused else None


async def _done(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a job that blocks to its end, even when nobody waits for it any more: what is written must be written down."""
    return await asyncio.shield(asyncio.to_thread(job, *args, **kwargs))


def _once(turn: Callable[..., apply.Applied], root: Path, change: str | None, by: str, before: str) -> apply.Applied:
    """Undo or redo, unless the request did so already when an earlier daemon was asked. Blocks."""
    done = apply.carried_out(root, before) if before else None
    return done or turn(root, change, by=by)


def _stop_workers() -> None:
    from aid.models.worker.process import stop_workers

    stop_workers()


def _root(workspace: str) -> Path:
    root = Path(workspace)
    if not root.is_absolute():
        raise UsageError(f"workspace {workspace!r} is not an absolute path")
    if not root.is_dir():
        raise UsageError(f"workspace {workspace} is not a directory")
    return root.resolve()


def _model(ended: Ended, setting: Setting) -> str:
    return ended.shown.attempt.model if ended.shown else setting.backend.name


def _text(ended: Ended) -> str:
    judged = ended.shown or (ended.judged[-1] if ended.judged else None)
    return judged.attempt.reply if judged else ""


def _prose(ended: Ended) -> str:
    return edits.prose(_text(ended), ended.format)


def _reason(ended: Ended, setting: Setting) -> str | None:
    """Why there is no proposal, in one line; None when there is one."""
    if ended.stored is not None:
        return None
    if not ended.judged and setting.backend.capabilities.deterministic:
        return "the hints know no repair for what the build says: ask a model with --model"
    if not ended.judged:
        return "no answer came within the time budget"
    last = ended.judged[-1].attempt
    if last.outcome == "failed":
        return last.error or "the model failed"
    if last.outcome == "rejected":
        return "; ".join(dict.fromkeys(str(Refusal(each.path, each.reason, each.near)) for each in last.rejected))
    return "the answer's edits change nothing" if last.outcome == "no-op" else chat_text.NO_EDITS


def _told(outcome: protocol.OutcomeResult, done: str, proposal: str | None) -> protocol.OutcomeResult:
    """With what it is in words, and the proposal that it is of."""
    return msgspec.structs.replace(outcome, line=outcome_line(outcome, done), proposal=proposal)
