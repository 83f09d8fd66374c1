"""The host: everything the daemon does, without a wire.

One per daemon. Each method takes a struct of `aid.protocol` and the `Client` that sent it, and answers with a struct;
what goes wrong is an AidError. Cancelling the task that runs a method cancels the work.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from aid import apply, protocol
from aid.config import Config, Loaded
from aid.context.index import index_folder
from aid.context.stale import drop_stale
from aid.errors import AidError, Refusal, UsageError
from aid.models.backend import Backend, Opens
from aid.session import chat_text
from aid.session.answer import Answer, answer
from aid.session.asked import attached
from aid.session.chats import Chats
from aid.session.choices import Choices
from aid.session.client import Client
from aid.session.clients import Clients
from aid.session.deciding import Decisions
from aid.session.identity import IDENTITY, again, did
from aid.session.outlook import only, outlook
from aid.session.proposals import Proposals, Stored
from aid.session.recording import Recording
from aid.session.replies import Replies
from aid.session.roster import Roster, entries, settings_of
from aid.session.status import HostStatus
from aid.session.store import Store
from aid.session.threads import to_its_end
from aid.session.turn import Ended, Setting, Turn, as_candidate
from aid.session.workspace import Workspace
from aid.session.workspaces import Workspaces, root_named
from aid.verify import may_apply
from ces.verdict import BuildStatus

RUNNING_AT_ONCE = 64

Meant = protocol.ProposalParams | protocol.ProposedParams

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
        self._chats = Chats(self._store, config.sessions)
        self._choices = Choices(self._store)
        self._recording = Recording(config.metrics, self._clients.read, clock)
        self._workspaces = Workspaces(load, self._clients.holds)
        self._decisions = Decisions(
            self._store, self._proposals, self._workspaces, self._clients, self._recording, clock
        )
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
                root = root_named(params.workspace)
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
        found = await asyncio.to_thread(self._proposals.waiting, root_named(params.workspace))
        return protocol.ProposalsResult(proposals=tuple(found))

    async def chats(self, params: protocol.ChatsParams, client: Client) -> protocol.ChatsResult:
        return protocol.ChatsResult(chats=await asyncio.to_thread(self._chats.entries, root_named(params.workspace)))

    async def chat(self, params: protocol.ChatParams, client: Client) -> protocol.ChatResult:
        return await asyncio.to_thread(self._chat, root_named(params.workspace), params)

    async def forget_chat(self, params: protocol.ChatParams, client: Client) -> protocol.Empty:
        await to_its_end(self._chats.forget, root_named(params.workspace), params.chat)
        return protocol.Empty()

    async def accept(self, params: protocol.AcceptParams, client: Client) -> protocol.OutcomeResult:
        return await self._decisions.accept(params, client)

    async def reject(self, params: protocol.RejectParams, client: Client) -> protocol.OutcomeResult:
        return await self._decisions.reject(params)

    async def undo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        return await self._decisions.undo(root_named(params.workspace), params, client)

    async def redo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        return await self._decisions.redo(root_named(params.workspace), params, client)

    async def log(self, params: protocol.LogParams, client: Client) -> protocol.LogResult:
        entries = await asyncio.to_thread(apply.history, root_named(params.workspace), params.limit)
        return protocol.LogResult(entries=tuple(entries))

    async def build(self, params: protocol.BuildParams, client: Client) -> BuildStatus:
        """What the build says of the workspace as the client sees it, unsaved text included."""
        async with self._workspaces.use(root_named(params.workspace)) as workspace:
            return await workspace.build_status(workspace.view(client))

    async def models(self, params: protocol.ModelsParams, client: Client) -> protocol.ModelsResult:
        root = root_named(params.workspace) if params.workspace else None
        config = self._load(root).config
        return protocol.ModelsResult(models=entries(await self._default(root, config), config))

    async def set_model(self, params: protocol.SetModelParams, client: Client) -> protocol.ModelsResult:
        root = root_named(params.workspace) if params.workspace else None
        config = self._load(root).config
        settings_of(params.model, config)
        await to_its_end(self._choices.put, root, params.model, config)
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
        root = root_named(params.workspace)
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
        said = await asyncio.to_thread(answer, ended, setting)
        reason = said.reason
        try:
            await to_its_end(self._keep, setting, ended, said, workspace.root)
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
            model=said.model,
            prompt=setting.params.prompt,
            text=said.text,
            prose=said.prose,
            proposal=proposal,
            candidates=tuple(as_candidate(judged) for judged in ended.judged),
            sources=ended.context.uses,
            timings_ms=timings,
            applied=applied,
            reason=reason,
            markdown=chat_text.answer(said.prose, reason, proposal) if setting.params.markdown else "",
        )

    def _forget_old(self) -> None:
        """Blocks."""
        now = self._clock()
        self._proposals.forget_old(now)
        self._chats.forget_old(now)

    def _keep(self, setting: Setting, ended: Ended, said: Answer, root: Path) -> None:
        """The proposals, and the chat's turn: the person's words and the answer shown, not the context. Blocks."""
        shown = (ended.stored,) if ended.stored else ()
        self._proposals.put(*filter(self._is_news, (*ended.others, *shown)))
        params = setting.params
        if params.chat and not self._is_remembered(setting, root):
            turn = protocol.ChatTurn(
                request=setting.request,
                at=setting.at,
                prompt=params.prompt,
                text=said.text,
                prose=said.prose,
                model=said.model,
                attached=attached(params, root),
                proposal=shown[0].proposal.id if shown else None,
                reason=said.reason,
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


def _stop_workers() -> None:
    from aid.models.worker.process import stop_workers

    stop_workers()
