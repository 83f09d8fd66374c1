"""The host: everything the daemon does, without a wire.

One per daemon. Each method takes a struct of `aid.protocol` and the `Client` that sent it, and answers with a struct;
what goes wrong is an AidError. Cancelling the task that runs a method cancels the work.
"""

import asyncio
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
from aid.session.acceptance import accept
from aid.session.client import Client
from aid.session.clients import Clients
from aid.session.proposals import Proposals
from aid.session.recording import Recording
from aid.session.roster import Roster
from aid.session.status import HostStatus
from aid.session.turn import Ended, Setting, Turn, as_candidate
from aid.session.workspace import Workspace
from aid.session.workspaces import Workspaces
from aid.verify import may_apply
from ces.verdict import BuildStatus

RUNNING_AT_ONCE = 64

log = logging.getLogger(__name__)


class Host:
    """`clock` is seconds since the epoch."""

    def __init__(self, load: Callable[[Path | None], Loaded], clock: Callable[[], float] = time.time) -> None:
        self._load = load
        self._clients = Clients()
        self._roster = Roster()
        self._proposals = Proposals()
        self._recording = Recording(load(None).config.metrics, self._clients.read, clock)
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
            backend = self._roster.backend(self._roster.default(None, config), config)
            if isinstance(backend, Opens):
                await backend.open()
        except AidError as error:
            log.info("the default model is not ready: %s", error)
        dropped = await asyncio.to_thread(drop_stale, index_folder())
        if dropped:
            log.info("dropped %d indexes of workspaces that are gone", len(dropped))

    async def prompt(self, params: protocol.PromptParams, client: Client) -> protocol.PromptResult:
        """Ask, judge, propose; with `params.apply` write what may be written (`aid.verify.may_apply`)."""
        arrived = time.monotonic()
        request = f"r{os.urandom(6).hex()}"
        async with self._slots:
            self._running += 1
            try:
                setting = self._setting(request, params, arrived)
                async with self._workspaces.use(_root(params.workspace)) as workspace:
                    return await self._answer(setting, workspace, client)
            finally:
                self._running -= 1

    async def proposal(self, params: protocol.ProposalParams, client: Client) -> protocol.Proposal:
        return self._proposals.get(params.id).proposal

    async def accept(self, params: protocol.AcceptParams, client: Client) -> protocol.OutcomeResult:
        """Write a proposal, or part of it: open documents through the editor when asked, the rest on disk."""
        stored = self._proposals.get(params.id)
        root = Path(stored.proposal.workspace)
        async with self._workspaces.use(root) as workspace:
            done = await accept(stored, params, workspace, client, self._clients)
        if done.stored is not None:
            self._proposals.put(done.stored)
            self._recording.accepted(done, root)
        return done.result

    async def reject(self, params: protocol.RejectParams, client: Client) -> protocol.OutcomeResult:
        stored = self._proposals.get(params.id)
        state = stored.proposal.state
        if state != "open":
            advice = ": 'aid undo' takes back what it did" if state in ("accepted", "partly") else ""
            raise UsageError(f"proposal {params.id} is {state} already{advice}")
        proposal = msgspec.structs.replace(stored.proposal, state="rejected")
        self._proposals.put(msgspec.structs.replace(stored, proposal=proposal))
        self._recording.rejected(stored)
        return protocol.OutcomeResult(applied=None)

    async def undo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        root = _root(params.workspace)
        undone = await asyncio.to_thread(apply.undo, root, params.id)
        self._recording.undone(undone.id)
        return protocol.OutcomeResult(applied=undone.id, files=undone.files, notes=undone.notes)

    async def redo(self, params: protocol.UndoParams, client: Client) -> protocol.OutcomeResult:
        root = _root(params.workspace)
        done = await asyncio.to_thread(apply.redo, root, params.id)
        self._recording.redone(done.id)
        return protocol.OutcomeResult(applied=done.id, files=done.files, notes=done.notes)

    async def log(self, params: protocol.LogParams, client: Client) -> protocol.LogResult:
        entries = await asyncio.to_thread(apply.history, _root(params.workspace), params.limit)
        return protocol.LogResult(entries=tuple(entries))

    async def build(self, params: protocol.BuildParams, client: Client) -> BuildStatus:
        """What the build says of the workspace as the client sees it, unsaved text included."""
        async with self._workspaces.use(_root(params.workspace)) as workspace:
            return await workspace.build_status(workspace.view(client))

    async def models(self, params: protocol.ModelsParams, client: Client) -> protocol.ModelsResult:
        root = _root(params.workspace) if params.workspace else None
        return protocol.ModelsResult(models=self._roster.entries(root, self._load(root).config))

    async def set_model(self, params: protocol.SetModelParams, client: Client) -> protocol.ModelsResult:
        root = _root(params.workspace) if params.workspace else None
        config = self._load(root).config
        self._roster.choose(params.model, root, config)
        return protocol.ModelsResult(models=self._roster.entries(root, config))

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
            models = self._roster.entries(None, self._load(None).config)
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
        if models:
            await asyncio.to_thread(_stop_workers)

    def _setting(self, request: str, params: protocol.PromptParams, arrived: float) -> Setting:
        root = _root(params.workspace)
        if not params.prompt.strip():
            raise UsageError("the prompt is empty: say what is to be changed")
        loaded = self._load(root)
        config = loaded.config
        name = params.model or self._roster.default(root, config)
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
        for stored in (*ended.others, *((ended.stored,) if ended.stored else ())):
            self._proposals.put(stored)
        applied, reason = None, _reason(ended, setting)
        if setting.params.apply and ended.stored is not None:
            applied, reason = await self._apply(ended, workspace, client, judging=setting.config.verify.enabled)
        self._recording.answered(setting, ended, workspace.root)
        timings = msgspec.structs.replace(ended.timings, total=(time.monotonic() - setting.arrived) * 1000)
        return protocol.PromptResult(
            id=setting.request,
            model=ended.shown.attempt.model if ended.shown else setting.backend.name,
            text=_text(ended),
            proposal=self._proposals.get(ended.stored.proposal.id).proposal if ended.stored else None,
            candidates=tuple(as_candidate(judged) for judged in ended.judged),
            sources=ended.context.uses,
            timings_ms=timings,
            applied=applied,
            reason=reason,
        )

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


def _root(workspace: str) -> Path:
    root = Path(workspace)
    if not root.is_absolute():
        raise UsageError(f"workspace {workspace!r} is not an absolute path")
    if not root.is_dir():
        raise UsageError(f"workspace {workspace} is not a directory")
    return root.resolve()


def _text(ended: Ended) -> str:
    judged = ended.shown or (ended.judged[-1] if ended.judged else None)
    return judged.attempt.reply if judged else ""


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
    return "the answer's edits change nothing" if last.outcome == "no-op" else "the answer has no edits"
