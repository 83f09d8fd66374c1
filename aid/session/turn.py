"""A request's way: build status, context, prompt, candidates, verdicts, the best of them.

The hints are tried first where the request is about errors, then the model; each proposal is judged before it is shown.
"""

import asyncio
import os
import re
import time
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from aid import edits
from aid.config import Config, EditFormat
from aid.context.piece import Ask, Context
from aid.models.backend import Backend, Chunk, Message, Prompt
from aid.protocol import Candidate, FileRef, PromptParams, Proposal, RejectedEdit, Timings, UpdateParams
from aid.session.asked import place, span, worded
from aid.session.asking import Question, count, prompt, room
from aid.session.attempt import Attempt, attempt
from aid.session.bounds import Bounds
from aid.session.client import Client
from aid.session.named import refuse, unshowable
from aid.session.neighbours import neighbours
from aid.session.proposals import Stored
from aid.session.replies import Replies
from aid.session.sampling import Budget, Judged, OnRed, Sampler
from aid.session.summary import proposed_files, prose
from aid.session.workspace import View, Workspace
from aid.verify import best, held
from aid.wording import verdict_words
from ces.change import FileChange, merge
from ces.verdict import BuildStatus, Verdict

RESAMPLE_TEMPERATURE = 0.8
HINT_CANDIDATES = 3
HINT_ROUNDS = 4
SILENT_S = 0.3  # a wait shorter than this isn't worth a line
_FIX = re.compile(r"\b(fix\w*|errors?|build\w*|compil\w*|type-?check\w*|red|broken|fail\w*|warnings?|repair)\b", re.I)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn is run with. `withheld` are the workspace's untrusted settings, `history` the chat's earlier turns.
    `replies` are those that a model gave to the same request before, where it was asked of an earlier daemon.

    `at` is when it arrived, in seconds since the epoch; `arrived` the same by `time.monotonic()`.
    """

    request: str
    params: PromptParams
    config: Config
    withheld: tuple[str, ...]
    backend: Backend
    hints: Backend | None
    at: float
    arrived: float
    history: tuple[Message, ...] = ()
    replies: Replies | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a turn. `params` are what was asked, worded (`aid.session.asked`).

    `shown` is the best of `judged`, `stored` its proposal, `others` the rest's.
    """

    params: PromptParams
    judged: tuple[Judged, ...]
    shown: Judged | None
    stored: Stored | None
    others: tuple[Stored, ...]
    context: Context
    format: EditFormat
    timings: Timings
    build: BuildStatus | None


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What a round of sampling builds upon: `changes` made so far, and the view and build status after them."""

    view: View
    changes: tuple[FileChange, ...]
    build: BuildStatus | None


class Turn:
    """One request, from the person's words to a judged proposal."""

    def __init__(self, setting: Setting, workspace: Workspace, client: Client) -> None:
        self._set = setting
        self._workspace = workspace
        self._client = client
        self._view: View = workspace.view(client)
        self._spent: dict[str, float] = {"queue": _since(setting.arrived)}
        self._first_token: float | None = None
        self._seed = int.from_bytes(os.urandom(3))
        self._stored: list[tuple[Judged, Stored]] = []
        self._seen: set[tuple[FileChange, ...]] = set()
        self._waited = False
        self._bounds: Bounds | None = None

    async def run(self) -> Ended:
        """Raises UsageError for a place that can't be meant (`aid.session.named`), and where nothing is asked."""
        refuse(self._view, self._set.params)
        self._workspace.context.start(self._workspace.root, self._workspace.index)
        if self._set.withheld:
            self._say(f"aid.toml is not trusted, left out: {', '.join(self._set.withheld)}; read it, then 'aid trust'")
        for line in unshowable(self._view, self._set.params, self._set.config.context.max_file_bytes):
            self._say(line)
        build = await self._first_status()
        self._word(build)
        judged: list[Judged] = []
        context: Context | None = None
        for backend in self._back_ends(build):
            context, found = await self._ask(backend, build)
            judged += found
            if _green(judged):
                break
        assert context is not None
        shown = best([(each, each.verdict) for each, _ in self._stored if each.verdict is not None])
        return Ended(
            params=self._set.params,
            judged=tuple(judged),
            shown=shown[0] if shown else None,
            stored=next((stored for each, stored in self._stored if shown and each is shown[0]), None),
            others=tuple(stored for each, stored in self._stored if not shown or each is not shown[0]),
            context=context,
            format=self._question(backend).format,
            timings=Timings(**self._spent, first_token=self._first_token, total=_since(self._set.arrived)),
            build=build,
        )

    async def _ask(self, backend: Backend, build: BuildStatus | None) -> tuple[Context, list[Judged]]:
        """Sample one back end. Rules go on from what they mended: a build names its next errors only then."""
        judged: list[Judged] = []
        base = Base(view=self._view, changes=(), build=build)
        for _ in range(HINT_ROUNDS if backend.capabilities.deterministic and not self._bounds else 1):
            context = await self._context(backend, base)
            diagnostics = base.build.diagnostics if base.build else ()
            asked = prompt(self._question(backend), context, diagnostics)
            if backend.capabilities.deterministic:
                asked = await self._with_neighbours(asked, base)
            found = await self._sample(backend, asked, base)
            judged += found
            further = _further(found)
            if _green(judged) or further is None:
                break
            view = self._view.with_changes(further.attempt.changes)
            base = Base(view=view, changes=further.attempt.changes, build=await self._build_status(view))
        return context, judged

    def _back_ends(self, build: BuildStatus | None) -> list[Backend]:
        """Hints first where they can help: the request is about errors, and there are some."""
        hints = self._set.hints
        wanted = self._set.params.hints and _FIX.search(self._set.params.prompt)
        if hints is None or build is None or not build.diagnostics or not wanted:
            return [self._set.backend]
        return [hints] if hints.name == self._set.backend.name else [hints, self._set.backend]

    async def _first_status(self) -> BuildStatus | None:
        """The build's word before anything is asked: waited for when the request is about errors, else as last seen."""
        if not self._set.config.verify.enabled:
            return None
        if self._set.params.fix is not None or _FIX.search(self._set.params.prompt):
            self._waited = True
            return await self._build_status(self._view)
        return await self._workspace.build_as_last_seen(self._view)

    def _word(self, build: BuildStatus | None) -> None:
        """Say in the prompt, and show, what the person only points at."""
        params = worded(self._set.params, build.diagnostics if build else (), self._workspace.root)
        self._set = msgspec.structs.replace(self._set, params=params)
        if params.edit is not None:
            self._bounds = Bounds(place(FileRef(path=params.edit.path), self._workspace.root), *span(params.edit))

    async def _build_status(self, view: View) -> BuildStatus | None:
        """What the build says of `view`, waited for within the budget; None when that is spent."""
        verify = self._set.config.verify
        asking = asyncio.create_task(self._workspace.build_status(view))
        try:
            done, _ = await asyncio.wait({asking}, timeout=SILENT_S)
            if not done:
                self._say("asking the build for its errors")
                done, _ = await asyncio.wait({asking}, timeout=max(0.0, verify.budget_s - SILENT_S))
            if not done:
                self._say("the build takes longer than the budget: going on without its errors")
                return None
            status = asking.result()
            if status.status not in ("green", "red"):
                self._say(f"the build did not say: {status.status}, {status.reason}")
            return status
        finally:
            asking.cancel()

    async def _context(self, backend: Backend, base: Base) -> Context:
        started = time.monotonic()
        params = self._set.params
        budget = await room(self._question(backend))
        ask = Ask(
            root=self._workspace.root,
            prompt=params.prompt,
            files=params.files,
            documents=base.view.documents(),
            attachments=params.attachments,
            diagnostics=base.build.diagnostics if base.build else (),
            patient=self._waited,
        )

        async def counted(texts: Sequence[str]) -> list[int]:
            return await count(backend, texts)

        context = await self._workspace.context.build(
            ask, budget_tokens=budget, count=counted, index=self._workspace.index, model=backend.name
        )
        self._add("context", started)
        if base.changes:
            self._say(f"{backend.name}: going on from what is mended")
        else:
            self._client.update(self._update(kind="sources", sources=context.uses, model=backend.name))
        return context

    def _question(self, backend: Backend) -> Question:
        params = self._set.params
        return Question(
            backend=backend,
            config=self._set.config,
            request=params.prompt,
            history=self._set.history,
            adapter=params.adapter,
        )

    async def _with_neighbours(self, prompt: Prompt, base: Base) -> Prompt:
        """The prompt for rules: they read whole files, as many as the compiler did, and have no budget."""
        root = self._workspace.root
        more = await asyncio.to_thread(neighbours, root, base.view, prompt.diagnostics, prompt.sources)
        return msgspec.structs.replace(prompt, sources=(*prompt.sources, *more))

    async def _sample(self, backend: Backend, prompt: Prompt, base: Base) -> list[Judged]:
        verify = self._set.config.verify
        capable = backend.capabilities
        several = capable.local and verify.enabled and self._workspace.has_build
        budget = Budget(
            candidates=(HINT_CANDIDATES if capable.deterministic else verify.candidates) if capable.local else 1,
            width=capable.parallel if several and not capable.deterministic else 1,
            seconds=verify.budget_s,
            judged=several,
        )

        async def ask(index: int) -> Attempt | None:
            asked = self._varied(backend, prompt, index, several=budget.width > 1)
            return await self._attempt(backend, asked, base, sample=index, resampled=budget.candidates > 1)

        sampler = Sampler(ask, self._judge, budget, self._on_judged)
        judged = await sampler.run()
        if not judged and backend.capabilities.deterministic:
            self._say(f"{backend.name}: nothing to suggest")
        if sampler.unfinished:
            told = f"{sampler.unfinished} more had not ended {budget.seconds:g} s after the first"
            self._say(f"{backend.name}: {told} ([verify] budget_s)")
        return judged

    def _varied(self, backend: Backend, prompt: Prompt, index: int, *, several: bool) -> Prompt:
        """The prompt of the index-th sample. Several differ only in seed, so an engine can share the prompt's work."""
        if not backend.capabilities.local:
            return prompt
        if backend.capabilities.deterministic:
            return msgspec.structs.replace(prompt, seed=index)
        warm = max(prompt.temperature, RESAMPLE_TEMPERATURE) if several else prompt.temperature
        return msgspec.structs.replace(prompt, seed=self._seed + index, temperature=warm)

    async def _attempt(
        self, backend: Backend, prompt: Prompt, base: Base, *, sample: int, resampled: bool
    ) -> Attempt | None:
        streamed = sample == 0
        replies = None if backend.capabilities.deterministic else self._set.replies
        asked_of = backend if replies is None else replies.through(backend, sample)

        def on_chunk(chunk: Chunk) -> None:
            if self._first_token is None and chunk.text:
                self._first_token = _since(self._set.arrived)
            if streamed and chunk.text:
                self._client.update(self._update(kind="text", text=chunk.text, model=backend.name))
            if streamed and chunk.reasoning:
                self._client.update(self._update(kind="reasoning", text=chunk.reasoning, model=backend.name))

        done = await attempt(asked_of, prompt, base.view.read, on_chunk, resampled=resampled, bounds=self._bounds)
        self._spent["model"] = self._spent.get("model", 0.0) + done.model_ms
        if backend.capabilities.deterministic and not done.reply.strip():
            return None
        if done.outcome != "placed":
            return done
        changes = merge(base.changes, done.changes) if base.changes else done.changes
        if changes in self._seen:
            return msgspec.structs.replace(done, outcome="duplicate", changes=(), diff="")
        self._seen.add(changes)
        return msgspec.structs.replace(done, changes=changes, diff=edits.unified(changes)) if base.changes else done

    async def _judge(self, done: Attempt, seconds: float, on_red: OnRed) -> Verdict:
        if not self._set.config.verify.enabled:
            return Verdict(status="unchecked", stage=None, reason="checking is switched off ([verify] enabled)")
        if seconds <= 0:
            return Verdict(status="timeout", stage=None, reason="the time budget is spent ([verify] budget_s)")
        started = time.monotonic()
        try:
            overlay = await asyncio.to_thread(self._view.overlay)
            return await self._workspace.checker.check(done.changes, budget_s=seconds, overlay=overlay, on_red=on_red)
        finally:
            self._add("verify", started)

    def _on_judged(self, judged: Judged) -> None:
        proposal = None
        if judged.verdict is not None:
            stored = self._proposed(judged.attempt, judged.verdict)
            self._stored.append((judged, stored))
            proposal = stored.proposal
        candidate = as_candidate(judged)
        self._client.update(
            self._update(kind="candidate", candidate=candidate, proposal=proposal, model=judged.attempt.model)
        )

    def _proposed(self, done: Attempt, verdict: Verdict) -> Stored:
        proposal = Proposal(
            id=self._proposal_id(),
            request=self._set.request,
            workspace=str(self._workspace.root),
            model=done.model,
            diff=done.diff,
            files=proposed_files(done.changes),
            verdict=verdict,
            badge=verdict_words(verdict),
            held=held(verdict),
            summary=prose(done.reply),
            at=self._set.at,
        )
        return Stored(proposal=proposal, changes=done.changes)

    def _proposal_id(self) -> str:
        """The same where the same request is asked again, so that its proposals aren't there twice."""
        return f"p{sha256(f'{self._set.request} {len(self._stored)}'.encode()).hexdigest()[:12]}"

    def _say(self, text: str) -> None:
        self._client.update(self._update(kind="status", text=text))

    def _update(self, **fields: object) -> UpdateParams:
        return UpdateParams(request=self._set.request, token=self._set.params.token, **fields)  # type: ignore[arg-type]

    def _add(self, what: str, started: float) -> None:
        self._spent[what] = self._spent.get(what, 0.0) + _since(started)


def as_candidate(judged: Judged) -> Candidate:
    done = judged.attempt
    rejected = tuple(RejectedEdit(path=each.path, reason=each.reason, near=each.near) for each in done.rejected)
    if done.error and not rejected:
        rejected = (RejectedEdit(path=None, reason=done.error),)
    return Candidate(
        model=done.model, status=done.outcome, verdict=judged.verdict, rejected=rejected, attempts=done.tries
    )


def _green(judged: Sequence[Judged]) -> bool:
    return any(each.verdict is not None and each.verdict.status == "green" for each in judged)


def _further(judged: Sequence[Judged]) -> Judged | None:
    """The attempt that mended most: the errors it uncovers are the next round's."""
    mended = [(each.verdict.fixed, each) for each in judged if each.verdict is not None and each.verdict.fixed]
    return max(mended, key=lambda pair: pair[0])[1] if mended else None


def _since(started: float) -> float:
    return (time.monotonic() - started) * 1000
