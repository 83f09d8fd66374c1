"""The one way from a diff to a verdict: parse, apply, look for tricks, ask the cache, build, score.

In: `CheckRequest`s. Out: `Verdict`s, one each, in any order of arrival. What the machine does wrong is retried and then
`infra_error` with no reward; a request that makes no sense (no such workspace, an `onto` that doesn't fit) raises.
"""

import asyncio
import contextlib
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec

from ces import VERSION, diff, workspace
from ces.bases import Bases, BaseSettings, Warm
from ces.builds.stages import ORDER
from ces.change import FileChange, merge
from ces.compare import compare
from ces.diff import Malformed, Misfit
from ces.errors import BadChange, InfraError
from ces.jobs import Jobs
from ces.request import CheckRequest
from ces.score import DEFAULT, Scoring, scored
from ces.verdict import BuildStatus, Diagnostic, Flag, Stage, Verdict
from ces.verdicts import Verdicts
from ces.waiting import in_thread

_JUDGED = ("green", "red")
SHOWN_PATHS = 3


class JudgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`workers` is how many builds run at once, over all bases."""

    bases: BaseSettings
    workers: int = 2
    scoring: Scoring = DEFAULT


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is at. `paths` are those of the candidate's own change; `since` is Unix time."""

    workspace: str
    rev: str | None
    upto: Stage
    paths: tuple[str, ...]
    since: float


class _Laid(msgspec.Struct, frozen=True, kw_only=True):
    """A request laid over its base: the whole change, and the candidate's own part of it."""

    whole: tuple[FileChange, ...]
    own: tuple[FileChange, ...]
    flags: tuple[Flag, ...]


class Judge:
    """One a process. `check` and `evaluate` may be called at any time, any number at once."""

    def __init__(self, settings: JudgeSettings) -> None:
        self.bases = Bases(msgspec.structs.replace(settings.bases, side_by_side=settings.workers))
        self._settings = settings
        self._jobs = Jobs()
        self._workers = asyncio.Semaphore(settings.workers)
        self.at_work: list[Running | None] = [None] * settings.workers  # one place a worker
        self._verdicts = Verdicts(settings.bases.state_dir / "verdicts.db")

    async def check(self, request: CheckRequest, *, fresh: bool = False) -> Verdict:
        """The verdict on one diff. Raises BadChange for a request that can't be meant, never for a bad `diff`.

        `fresh`: a run of its own, whatever is known or under way: how a task that isn't steady shows.
        """
        started = time.monotonic()
        try:
            async with self.bases.held(Path(request.workspace), request.rev) as warm:
                laid = await in_thread(lambda: lay(request, warm))
                verdict = laid if isinstance(laid, Verdict) else await self._once(request, warm, laid, fresh)
                verdict = msgspec.structs.replace(verdict, base=warm.record.id, toolchain=warm.record.toolchain)
        except InfraError as error:
            verdict = Verdict(status="infra_error", stage=None, reason=str(error))
        verdict = scored(verdict, request.upto, self._settings.scoring)
        return msgspec.structs.replace(verdict, wall_ms=(time.monotonic() - started) * 1000)

    async def evaluate(self, requests: Sequence[CheckRequest]) -> list[Verdict]:
        """The verdicts on many diffs, in their order."""
        return list(await asyncio.gather(*(self.check(request) for request in requests)))

    async def stream(self, requests: Sequence[CheckRequest]) -> AsyncIterator[tuple[int, Verdict]]:
        """(index, verdict) as they are reached. Leaving the loop cancels what is left."""

        async def numbered(index: int, request: CheckRequest) -> tuple[int, Verdict]:
            return index, await self.check(request)

        tasks = [asyncio.ensure_future(numbered(index, request)) for index, request in enumerate(requests)]
        try:
            for ended in asyncio.as_completed(tasks):
                yield await ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self._jobs.close()
        await self.bases.close()
        self._verdicts.close()

    async def _once(self, request: CheckRequest, warm: Warm, laid: _Laid, fresh: bool) -> Verdict:
        """The cached answer, else one run however many ask at once."""
        key = _key(warm, request, laid)
        known = None if fresh else await in_thread(lambda: self._verdicts.get(key))
        if known is not None:
            return msgspec.structs.replace(known, cached=True, flags=laid.flags, queue_ms=0.0)
        asked = f"{key} {request.timeout_s}"  # another's shorter limit must not end ours
        if fresh:
            asked += f" {uuid.uuid4().hex}"
        verdict: Verdict = await self._jobs.join(asked, lambda: self._run(request, warm, laid, key))
        return msgspec.structs.replace(verdict, flags=laid.flags)

    async def _run(self, request: CheckRequest, warm: Warm, laid: _Laid, key: str) -> Verdict:
        queued = time.monotonic()
        async with self._workers:
            waited_ms = (time.monotonic() - queued) * 1000
            with self._seen_at_work(request, laid):
                verdict = await self._built(request, warm, laid)  # the builder tries again what the machine failed
        verdict = msgspec.structs.replace(verdict, queue_ms=waited_ms)
        await in_thread(lambda: self._verdicts.put(key, verdict))
        return verdict

    @contextlib.contextmanager
    def _seen_at_work(self, request: CheckRequest, laid: _Laid) -> Iterator[None]:
        place = self.at_work.index(None)
        self.at_work[place] = Running(
            workspace=request.workspace,
            rev=request.rev,
            upto=request.upto,
            paths=tuple(change.path for change in laid.own[:SHOWN_PATHS]),
            since=time.time(),
        )
        try:
            yield
        finally:
            self.at_work[place] = None

    async def _built(self, request: CheckRequest, warm: Warm, laid: _Laid) -> Verdict:
        deadline = time.monotonic() + request.timeout_s
        after = await warm.builder.build_changed(warm.digest, laid.whole, deadline, request.upto)
        if after.status not in _JUDGED:
            return _unjudged(after)
        found = compare(warm.record.status, after, laid.whole, ORDER)
        return Verdict(
            status=after.status,
            stage=after.stage,
            diagnostics=found.new,
            remaining=found.remaining,
            fixed=found.fixed,
            adapter=after.adapter,
            cpu_ms=after.cpu_ms,
        )


def lay(request: CheckRequest, warm: Warm) -> _Laid | Verdict:
    """`request` laid over its base; the verdict on a diff that can't be."""
    onto = _changes(request.onto, "onto", warm, ())
    parsed = diff.parse(request.diff)
    if isinstance(parsed, Malformed):
        return _refused("format", None, None, parsed.reason)
    read = _reading(warm, onto)
    own = diff.apply(parsed, read)
    if isinstance(own, Misfit):
        return _refused("apply", own.path, own.line, f"{own.path} {own.reason}")
    hidden = tuple(
        FileChange(path=path, before=_reading(warm, merge(onto, own))(path), after=text.encode())
        for path, text in request.hidden.items()
    )
    whole = merge(merge(onto, own), hidden)
    try:
        workspace.validate(warm.tree, whole, {})
    except BadChange as error:
        return _refused("apply", None, None, str(error))
    return _Laid(whole=whole, own=own, flags=())


def _changes(text: str, name: str, warm: Warm, over: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """A diff that the caller vouches for."""
    parsed = diff.parse(text)
    if isinstance(parsed, Malformed):
        raise BadChange(f"`{name}` is {parsed.reason}")
    changes = diff.apply(parsed, _reading(warm, over))
    if isinstance(changes, Misfit):
        raise BadChange(f"`{name}` doesn't fit the base: {changes.path} {changes.reason}")
    return changes


def _reading(warm: Warm, over: Sequence[FileChange]) -> diff.Read:
    """The base's files, with `over` laid over them. What may not be read is not there: `validate` says why."""
    laid: dict[str, bytes | None] = {}
    for change in over:
        if change.old_path is not None:
            laid[change.old_path] = None
        laid[change.path] = change.after

    def read(path: str) -> bytes | None:
        if path in laid:
            return laid[path]
        try:
            workspace.check_path(warm.tree, path)
            return (warm.tree / path).read_bytes()
        except (BadChange, OSError):
            return None

    return read


def _refused(stage: Stage, path: str | None, line: int | None, reason: str) -> Verdict:
    said = Diagnostic(file=path, range=None, severity="error", message=reason, code=stage, source="ces")
    return Verdict(status="red", stage=stage, diagnostics=(said,), reason=reason)


def _unjudged(status: BuildStatus) -> Verdict:
    return Verdict(
        status=status.status, stage=status.stage, reason=status.reason, adapter=status.adapter, cpu_ms=status.cpu_ms
    )


def _key(warm: Warm, request: CheckRequest, laid: _Laid) -> str:
    """What the verdict depends on: the base and its tools, every changed file as it becomes, how far, our version."""
    whole = hashlib.sha256(f"{VERSION}\0{warm.record.id}\0{request.upto}\0".encode())
    for change in sorted(laid.whole, key=lambda change: change.path):
        whole.update(msgspec.msgpack.encode(change))
    return whole.hexdigest()
