"""The one way from a diff to a verdict: parse, apply, look for tricks, ask the cache, build, score.

In: `CheckRequest`s. Out: `Verdict`s, one each, in any order of arrival. What the machine does wrong is retried and then
`infra_error` with no reward; a request that makes no sense (no such workspace, an `onto` that doesn't fit) raises.
"""

import asyncio
import contextlib
import hashlib
import logging
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec

from ces import VERSION, evidence, isolation
from ces.bases import Bases, BaseSettings, Warm
from ces.builds.stages import ORDER
from ces.compare import compare
from ces.errors import CesError, InfraError
from ces.jobs import Jobs
from ces.lay import REWARD, Laid, lay
from ces.request import CheckRequest
from ces.score import DEFAULT, Scoring, scored
from ces.verdict import BuildStatus, Stage, Tests, Verdict
from ces.verdicts import Known, Verdicts
from ces.waiting import in_thread

log = logging.getLogger(__name__)

AUDIT_TIMEOUT_S = 600.0
_JUDGED = ("green", "red")
SHOWN_PATHS = 3


class JudgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`workers` is how many builds run at once, over all bases. `audit_share` of the answers that were given without
    the build system are checked against a cold build afterwards, drawn by chance. `allow_unsandboxed`: code that nobody
    has read may run where nothing encloses it."""

    bases: BaseSettings
    workers: int = 2
    scoring: Scoring = DEFAULT
    audit_share: float = 0.02
    allow_unsandboxed: bool = False


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is at. `paths` are those of the candidate's own change; `since` is Unix time."""

    workspace: str
    rev: str | None
    upto: Stage
    paths: tuple[str, ...]
    since: float


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that makes sense. `known`: an earlier run's answer to it."""

    laid: Laid
    key: str
    known: Known | None


class AuditCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many quick answers were checked against a build, and how many of those it did not bear out."""

    audited: int = 0
    disagreements: int = 0
    false_greens: int = 0


class Judge:
    """One a process. `check` and `evaluate` may be called at any time, any number at once."""

    def __init__(self, settings: JudgeSettings) -> None:
        self.bases = Bases(msgspec.structs.replace(settings.bases, side_by_side=settings.workers))
        self._settings = settings
        self._jobs = Jobs()
        self._workers = asyncio.Semaphore(settings.workers)
        self.at_work: list[Running | None] = [None] * settings.workers  # one place a worker
        self.audits = AuditCount()
        self._verdicts = Verdicts(settings.bases.state_dir / "verdicts.db")
        self._chance = random.Random()
        self._audits: set[asyncio.Task[None]] = set()

    async def check(self, request: CheckRequest, *, fresh: bool = False) -> Verdict:
        """The verdict on one diff. Raises BadChange for a request that can't be meant, never for a bad `diff`, and
        NoIsolation where nothing would enclose what the diff's code does and nobody allowed that.

        `fresh`: a run of its own, whatever is known or under way: how a task that isn't steady shows.
        """
        started = time.monotonic()
        try:
            async with self.bases.held(Path(request.workspace), request.rev) as warm:
                asked = await in_thread(lambda: self._asked(request, warm, fresh))
                if isinstance(asked, Verdict):
                    verdict = asked
                else:
                    isolation.require(warm.builder.isolation, allow_unsafe=self._settings.allow_unsandboxed)
                    known = await self._once(request, warm, asked, fresh)
                    verdict = await self._weighed(request, warm, asked.laid, known)
                verdict = msgspec.structs.replace(verdict, base=warm.record.id, toolchain=warm.record.toolchain)
        except InfraError as error:
            verdict = Verdict(status="infra_error", stage=None, reason=str(error))
        verdict = scored(verdict, request.upto, self._settings.scoring)
        return msgspec.structs.replace(verdict, wall_ms=(time.monotonic() - started) * 1000)

    async def evaluate(self, requests: Sequence[CheckRequest]) -> list[Verdict]:
        """The verdicts on many diffs, in their order. Raises as `check` does."""
        return list(await asyncio.gather(*(self._one_of_many(request) for request in requests)))

    async def stream(self, requests: Sequence[CheckRequest]) -> AsyncIterator[tuple[int, Verdict]]:
        """(index, verdict) as they are reached. Leaving the loop cancels what is left."""

        async def numbered(index: int, request: CheckRequest) -> tuple[int, Verdict]:
            return index, await self._one_of_many(request)

        tasks = [asyncio.ensure_future(numbered(index, request)) for index, request in enumerate(requests)]
        try:
            for ended in asyncio.as_completed(tasks):
                yield await ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one_of_many(self, request: CheckRequest) -> Verdict:
        """As `check`; what goes wrong in a way nobody thought of costs the others nothing."""
        try:
            return await self.check(request)
        except CesError:
            raise
        except Exception as error:  # the one guard of this request
            log.exception("a check failed in a way nobody thought of")
            return Verdict(status="infra_error", stage=None, reason=f"the judge failed: {error!r}")

    async def audited(self) -> None:
        """Wait for the audits that are under way."""
        await asyncio.gather(*self._audits)

    async def close(self) -> None:
        await self._jobs.close()
        await self.bases.close()
        self._verdicts.close()

    def _asked(self, request: CheckRequest, warm: Warm, fresh: bool) -> _Asked | Verdict:
        """All that can be said without building, in one go: a hop to a thread costs more than a look in the cache."""
        laid = lay(request, warm)
        if isinstance(laid, Verdict):
            return laid
        if laid.tricks:
            return _hack(laid)
        return self._looked_up(request, warm, laid, fresh)

    def _looked_up(self, request: CheckRequest, warm: Warm, laid: Laid, fresh: bool) -> _Asked:
        key = _key(warm, request, laid)
        return _Asked(laid=laid, key=key, known=None if fresh else self._verdicts.get(key))

    async def _once(self, request: CheckRequest, warm: Warm, asked: _Asked, fresh: bool) -> Known:
        """The cached answer, else one run however many ask at once."""
        laid, key = asked.laid, asked.key
        if asked.known is not None:
            verdict = msgspec.structs.replace(asked.known.verdict, cached=True, flags=laid.flags, queue_ms=0.0)
            return Known(verdict, asked.known.ran)
        name = f"{key} {request.timeout_s}"  # another's shorter limit must not end ours
        if fresh:
            name += f" {uuid.uuid4().hex}"
        known: Known = await self._jobs.join(name, lambda: self._run(request, warm, laid, key))
        return Known(msgspec.structs.replace(known.verdict, flags=laid.flags), known.ran)

    async def _weighed(self, request: CheckRequest, warm: Warm, laid: Laid, known: Known) -> Verdict:
        """The verdict, once it is known whether the tests ran that should have: see `ces.evidence`."""
        if known.ran is None:
            return known.verdict
        base, expected = _ran(warm), None
        ran = base | known.ran
        strict = request.policy == REWARD
        others = laid.tests or warm.record.status.status != "green" or evidence.missing(base, ran)
        if known.verdict.status == "green" and others and strict and request.reference is not None:
            expected = await self._the_references(request, warm)
        if expected is None:
            expected = evidence.unreferenced(base, ran, laid.tests)
        return evidence.weighed(known.verdict, ran, expected, counts=strict)

    async def _the_references(self, request: CheckRequest, warm: Warm) -> Tests | None:
        """What runs with the reference in the diff's place; None where that isn't green."""
        assert request.reference is not None
        laid = await in_thread(lambda: lay(msgspec.structs.replace(request, diff=request.reference), warm))
        if isinstance(laid, Verdict):
            return None
        asked = await in_thread(lambda: self._looked_up(request, warm, laid, False))
        known = await self._once(request, warm, asked, False)
        if known.verdict.status not in _JUDGED:
            raise InfraError(f"the reference's tests did not end: {known.verdict.status}, {known.verdict.reason}")
        return None if known.verdict.status == "red" or known.ran is None else _ran(warm) | known.ran

    async def _run(self, request: CheckRequest, warm: Warm, laid: Laid, key: str) -> Known:
        queued = time.monotonic()
        async with self._workers:
            waited_ms = (time.monotonic() - queued) * 1000
            with self._seen_at_work(request, laid):
                known = await self._built(request, warm, laid, key)  # tried again where the machine failed
        known = Known(msgspec.structs.replace(known.verdict, queue_ms=waited_ms), known.ran)
        await in_thread(lambda: self._verdicts.put(key, known))
        return known

    @contextlib.contextmanager
    def _seen_at_work(self, request: CheckRequest, laid: Laid) -> Iterator[None]:
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

    async def _built(self, request: CheckRequest, warm: Warm, laid: Laid, key: str) -> Known:
        deadline = time.monotonic() + request.timeout_s
        quick = None
        if warm.quick is not None:
            quick = await warm.quick.check(laid.whole, request.timeout_s)
        if quick is not None and (quick.status == "red" or ORDER.index(request.upto) <= ORDER.index("typecheck")):
            if self._chance.random() < self._settings.audit_share:
                audit = self._jobs.start(self._audit(request, warm, laid, key, quick))
                self._audits.add(audit)
                audit.add_done_callback(self._audits.discard)
            return Known(_verdict(quick, warm, laid))
        after = await warm.builder.build_changed(warm.digest, laid.whole, deadline, request.upto)
        if quick is not None and after.status in _JUDGED:
            self._count(quick, agrees=after.status == "green" or after.stage not in ("parse", "typecheck"))
        ran = None if after.ran is None else evidence.differing(_ran(warm), after.ran)
        return Known(_verdict(after, warm, laid), ran)

    async def _audit(self, request: CheckRequest, warm: Warm, laid: Laid, key: str, quick: BuildStatus) -> None:
        """Build the same from nothing; where that says otherwise, it is what is remembered."""
        warm.holders += 1
        try:
            async with self._workers:
                deadline = time.monotonic() + AUDIT_TIMEOUT_S
                cold = await warm.builder.build_changed(warm.digest, laid.whole, deadline, "typecheck", cold=True)
        finally:
            warm.holders -= 1
        if cold.status not in _JUDGED:
            return
        self._count(quick, agrees=cold.status == quick.status)
        if cold.status != quick.status:
            log.error("a quick answer was %s, a cold build %s (%s)", quick.status, cold.status, key)
            await in_thread(lambda: self._verdicts.put(key, Known(_verdict(cold, warm, laid))))

    def _count(self, quick: BuildStatus, *, agrees: bool) -> None:
        self.audits = AuditCount(
            audited=self.audits.audited + 1,
            disagreements=self.audits.disagreements + (not agrees),
            false_greens=self.audits.false_greens + (not agrees and quick.status == "green"),
        )


def _ran(warm: Warm) -> Tests:
    """The tests that passed when the base was built."""
    ran = warm.record.status.ran
    return {} if ran is None else ran.tests


def _verdict(after: BuildStatus, warm: Warm, laid: Laid) -> Verdict:
    """What `after`, the build with the change, says of it."""
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


def _hack(laid: Laid) -> Verdict:
    names = ", ".join(dict.fromkeys(flag.name for flag in laid.tricks))
    return Verdict(status="hack", stage="apply", flags=laid.flags, reason=f"not built: {names}")


def _unjudged(status: BuildStatus) -> Verdict:
    return Verdict(
        status=status.status, stage=status.stage, reason=status.reason, adapter=status.adapter, cpu_ms=status.cpu_ms
    )


def _key(warm: Warm, request: CheckRequest, laid: Laid) -> str:
    """What the verdict depends on: the base and its tools, every changed file as it becomes, how far, our version."""
    whole = hashlib.sha256(f"{VERSION}\0{warm.record.id}\0{request.upto}\0".encode())
    for change in sorted(laid.whole, key=lambda change: change.path):
        whole.update(msgspec.msgpack.encode(change))
    return whole.hexdigest()
