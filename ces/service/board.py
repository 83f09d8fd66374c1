"""What the page shows: the service as it is at this moment, as one value. It only looks."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec

from ces import VERSION
from ces.bases import BaseRecord
from ces.judge import AuditCount, Running
from ces.request import CheckRequest
from ces.service.judging import Judging
from ces.service.queue import Queue
from ces.verdict import Stage, Status, Verdict
from ces.waiting import in_thread

RECENT = 20
SHOWN_CHARACTERS = 200
TIMES_OVER = 1024
BASES_EVERY_S = 2.0
PUSH_EVERY_S = 0.25
BUSY_EVERY_S = 1.0
IDLE_EVERY_S = 15.0


class Spread(msgspec.Struct, frozen=True):
    """Of the last `TIMES_OVER` requests, in milliseconds; None before there were any."""

    p50: float | None
    p99: float | None


class Recent(msgspec.Struct, frozen=True):
    """A verdict in a line. `at` is Unix time."""

    at: float
    workspace: str
    status: Status
    stage: Stage | None
    flags: tuple[str, ...]
    cached: bool
    wall_ms: float
    reason: str | None


class Base(msgspec.Struct, frozen=True):
    id: str
    workspace: str
    rev: str | None
    adapter: str
    status: Status
    size_bytes: int
    used_at: float
    copies: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`workers` has a place for each, None where it is idle. `now` and `started_at` are Unix time."""

    state: str
    version: str
    now: float
    started_at: float
    workers: tuple[Running | None, ...]
    in_hand: int
    waiting: int
    waiting_limit: int
    verdicts: dict[str, int]
    cached: int
    audits: AuditCount
    wall: Spread
    queue: Spread
    per_s: float
    bases: tuple[Base, ...]
    recent: tuple[Recent, ...]


class Board:
    def __init__(self, judge: Judging) -> None:
        self._judge = judge
        self._started_at = time.time()
        self._verdicts: Counter[str] = Counter()
        self._cached = 0
        self._walls: deque[float] = deque(maxlen=TIMES_OVER)
        self._queues: deque[float] = deque(maxlen=TIMES_OVER)
        self._ended: deque[float] = deque(maxlen=TIMES_OVER)
        self._recent: deque[Recent] = deque(maxlen=RECENT)
        self._over = False
        self._watchers: set[asyncio.Event] = set()
        self._bases: tuple[float, list[BaseRecord]] = (-BASES_EVERY_S, [])

    def judged(self, request: CheckRequest, verdict: Verdict) -> None:
        if verdict.base is not None and all(record.id != verdict.base for record in self.known_bases):
            self._bases = -BASES_EVERY_S, self.known_bases  # a new one: who asks now is to see it
        self._verdicts[verdict.status] += 1
        self._cached += verdict.cached
        self._walls.append(verdict.wall_ms)
        self._queues.append(verdict.queue_ms)
        self._ended.append(time.monotonic())
        flags = tuple(sorted({flag.name for flag in verdict.flags}))
        reason = None if verdict.reason is None else verdict.reason[:SHOWN_CHARACTERS]
        self._recent.appendleft(
            Recent(
                at=time.time(),
                workspace=request.workspace,
                status=verdict.status,
                stage=verdict.stage,
                flags=flags,
                cached=verdict.cached,
                wall_ms=verdict.wall_ms,
                reason=reason,
            )
        )

    def changed(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    def end(self) -> None:
        """Whoever watches has seen all there is."""
        self._over = True
        self.changed()

    async def bases(self) -> list[BaseRecord]:
        """Every base, the last used first; a moment old at most."""
        if time.monotonic() - self._bases[0] >= BASES_EVERY_S:
            self._bases = time.monotonic(), await in_thread(self._judge.bases.records)
        return self._bases[1]

    @property
    def known_bases(self) -> list[BaseRecord]:
        return self._bases[1]

    async def snapshots(self, queue: Queue, state: Callable[[], str]) -> AsyncGenerator[Snapshot, None]:
        """How things are, now and whenever they have changed, until `end`; not oftener than the eye follows."""
        moved = asyncio.Event()
        self._watchers.add(moved)
        try:
            while not self._over:
                moved.clear()
                shown = await self.snapshot(queue, state())
                yield shown
                await asyncio.sleep(PUSH_EVERY_S)
                try:
                    async with asyncio.timeout(BUSY_EVERY_S if shown.in_hand or any(shown.workers) else IDLE_EVERY_S):
                        await moved.wait()
                except TimeoutError:
                    pass
        finally:
            self._watchers.discard(moved)

    async def snapshot(self, queue: Queue, state: str) -> Snapshot:
        records = await self.bases()
        return Snapshot(
            state=state,
            version=VERSION,
            now=time.time(),
            started_at=self._started_at,
            workers=tuple(self._judge.at_work),
            in_hand=queue.in_hand,
            waiting=queue.waiting,
            waiting_limit=queue.limits.waiting,
            verdicts=dict(self._verdicts),
            cached=self._cached,
            audits=self._judge.audits,
            wall=spread(self._walls),
            queue=spread(self._queues),
            per_s=self._rate(),
            bases=tuple(
                Base(
                    id=each.id,
                    workspace=each.workspace,
                    rev=each.rev,
                    adapter=each.adapter,
                    status=each.status.status,
                    size_bytes=each.size_bytes,
                    used_at=each.used_at,
                    copies=each.copies,
                )
                for each in records
            ),
            recent=tuple(self._recent),
        )

    def _rate(self) -> float:
        """Verdicts a second over the last ten seconds."""
        now = time.monotonic()
        recent = [at for at in self._ended if now - at <= 10.0]
        if len(recent) == TIMES_OVER:
            return len(recent) / max(now - recent[0], 0.001)
        return len(recent) / 10.0


def spread(times_ms: Sequence[float] | deque[float]) -> Spread:
    """Nearest-rank percentiles."""
    if not times_ms:
        return Spread(None, None)
    ordered = sorted(times_ms)
    return Spread(*(ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.99)))
