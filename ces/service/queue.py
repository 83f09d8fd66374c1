"""The bounded queue before the judge: who waits, what is judged now, and who gets which answer.

In: submissions, each of one or many requests. Out: an answer for every request of a submission, once, as they are
reached. Submissions take turns, so one request is not behind another's sixteen thousand. A waiting request is a small
record, not a task: only what is in the judge's hands is one. Knows no HTTP beyond its status numbers.
"""

import asyncio
import functools
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ces.errors import BadChange
from ces.request import CheckRequest
from ces.service.keys import Conflict, Keys, digest
from ces.verdict import Verdict

log = logging.getLogger(__name__)

RATE_OVER = 256
RETRY_MOST_S = 300
RETRY_UNKNOWN_S = 5


class Answer(msgspec.Struct, frozen=True):
    """`status` 200: `body` is the Verdict in JSON; else an object with the reason. `lasting`: worth keeping by key."""

    status: int
    body: bytes
    lasting: bool = False


class Refused(msgspec.Struct, frozen=True):
    """Why a whole submission wasn't taken. `retry_s` None: it never will be as it is."""

    status: int
    reason: str
    retry_s: int | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    slots: int
    waiting: int
    waiting_bytes: int


class _Lane:
    """The waiting requests of one submission."""

    def __init__(self) -> None:
        self.works: deque[_Work] = deque()


class _Work(msgspec.Struct, eq=False):
    """One request on its way. `lane` is where it waits, None once it runs; `size` is its share of a body, in bytes."""

    request: CheckRequest
    digest: bytes | None
    size: int
    queued_at: float
    lane: _Lane | None
    waiters: "list[tuple[Submission, int]]"
    task: "asyncio.Task[Answer] | None" = None


class Submission:
    """What one caller asked for: `next` gives (index, answer), as often as there were requests."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._answers: asyncio.Queue[tuple[int, Answer]] = asyncio.Queue()
        self._works: set[_Work] = set()

    async def next(self) -> tuple[int, Answer]:
        return await self._answers.get()

    def ready(self) -> list[tuple[int, Answer]]:
        """Those that need no waiting."""
        return [self._answers.get_nowait() for _ in range(self._answers.qsize())]

    def _wait_for(self, work: _Work, index: int) -> None:
        work.waiters.append((self, index))
        self._works.add(work)

    def _give(self, index: int, answer: Answer, work: _Work | None = None) -> None:
        if work is not None:
            self._works.discard(work)
        self._answers.put_nowait((index, answer))

    def _leave(self) -> list[_Work]:
        """Wait for nothing any more; the works nobody else waits for."""
        alone = []
        for work in self._works:
            work.waiters = [waiter for waiter in work.waiters if waiter[0] is not self]
            if not work.waiters:
                alone.append(work)
        self._works.clear()
        return alone


class Queue:
    """`judge` is asked for each request; `judged` is told of each verdict, `changed` of every move."""

    def __init__(
        self,
        judge: Callable[[CheckRequest], Awaitable[Verdict]],
        limits: Limits,
        remember_s: float,
        judged: Callable[[CheckRequest, Verdict], None],
        changed: Callable[[], None],
    ) -> None:
        self.limits = limits
        self.waiting = 0
        self.draining = False
        self._judge = judge
        self._judged = judged
        self._changed = changed
        self._stopped = False
        self._waiting_bytes = 0
        self._lanes: deque[_Lane] = deque()
        self._running: set[_Work] = set()
        self._keys: Keys[_Work] = Keys(remember_s)
        self._ended_at: deque[float] = deque(maxlen=RATE_OVER)
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def in_hand(self) -> int:
        """How many requests the judge has, waiting for a worker or at work."""
        return len(self._running)

    def submit(self, requests: Sequence[CheckRequest], size_bytes: int) -> Submission | Refused:
        """Take all of `requests` or none. `size_bytes` is what they hold together."""
        if self.draining:
            return Refused(503, "the service is going down: try again when it is back", self.retry_s(self.waiting))
        share = size_bytes // max(len(requests), 1)
        lane, fresh = _Lane(), dict[str, _Work]()
        found: list[_Work | Answer] = []
        for request in requests:
            asked = None if request.key is None else digest(request)
            known = self._known(request.key, asked, fresh)
            if isinstance(known, Conflict):
                return Refused(409, f"key {known.key!r} was given to another request: give each its own")
            if known is None:
                known = _Work(request, asked, share, time.monotonic(), lane, [])
                lane.works.append(known)
                if request.key is not None:
                    fresh[request.key] = known
            found.append(known)
        refused = self._no_room(len(lane.works), share * len(lane.works))
        return refused if refused is not None else self._enter(found, lane)

    def leave(self, submission: Submission) -> None:
        """The caller is gone: what nobody else waits for is not run, or stopped."""
        lanes: dict[int, _Lane] = {}
        for work in submission._leave():
            if work.request.key is not None:
                self._keys.end(work.request.key, work, None)
            if work.task is not None:
                work.task.cancel()
            elif work.lane is not None:
                lanes[id(work.lane)] = work.lane
        for lane in lanes.values():
            kept = [work for work in lane.works if work.waiters]
            for work in lane.works:
                if not work.waiters:
                    self._no_longer_waits(work)
            lane.works = deque(kept)
        self._pump()

    def resize(self, slots: int) -> None:
        """The judge has room for so many from now on."""
        self.limits = msgspec.structs.replace(self.limits, slots=slots)
        self._pump()

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new, and wait until all is answered; False when `timeout_s` ended first."""
        self.draining = True
        self._changed()
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Answer what is left with 503, and end what runs."""
        self.draining = self._stopped = True
        for lane in self._lanes:
            for work in lane.works:
                self._no_longer_waits(work)
                self._give(work, _stopped())
        self._lanes.clear()
        tasks = [work.task for work in self._running if work.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pump()

    def rate(self) -> float | None:
        """Requests a second of late, None before there were any."""
        if len(self._ended_at) < 2:
            return None
        return len(self._ended_at) / max(time.monotonic() - self._ended_at[0], 0.001)

    def retry_s(self, ahead: int) -> int:
        """Whole seconds until about `ahead` requests will be through."""
        rate = self.rate()
        return RETRY_UNKNOWN_S if rate is None else min(max(math.ceil(ahead / rate), 1), RETRY_MOST_S)

    def _known(
        self, key: str | None, asked: bytes | None, fresh: dict[str, _Work]
    ) -> "_Work | Answer | Conflict | None":
        """What was asked before under `key`, in an earlier submission or in this one (`fresh`)."""
        if key is None or asked is None:
            return None
        if key in fresh:
            return fresh[key] if fresh[key].digest == asked else Conflict(key)
        found = self._keys.find(key, asked)
        return Answer(200, found, lasting=True) if isinstance(found, bytes) else found

    def _no_room(self, count: int, size: int) -> Refused | None:
        if count > self.limits.waiting:
            return Refused(413, f"{count} requests at once, and the queue holds {self.limits.waiting}: send fewer")
        over = self.waiting + count - self.limits.waiting
        if count and over > 0:
            return Refused(429, f"the queue is full ({self.waiting} wait): try again later", self.retry_s(over))
        if self.waiting and self._waiting_bytes + size > self.limits.waiting_bytes:
            told = f"the queue is full ({self._waiting_bytes >> 20} MiB wait): try again later"
            return Refused(429, told, self.retry_s(max(self.waiting // 2, 1)))
        return None

    def _enter(self, found: list[_Work | Answer], lane: _Lane) -> Submission:
        submission = Submission(len(found))
        for index, each in enumerate(found):
            if isinstance(each, Answer):
                submission._give(index, each)
            else:
                submission._wait_for(each, index)
        for work in lane.works:
            self.waiting += 1
            self._waiting_bytes += work.size
            if work.request.key is not None and work.digest is not None:
                self._keys.begin(work.request.key, work.digest, work)
        self._lanes.append(lane)
        self._pump()
        return submission

    def _pump(self) -> None:
        """Hand the judge what it has room for, one from each submission in turn."""
        while self._lanes and len(self._running) < self.limits.slots and not self._stopped:
            lane = self._lanes.popleft()
            if not lane.works:
                continue
            work = lane.works.popleft()
            self._lanes.append(lane)
            self._no_longer_waits(work)
            self._running.add(work)
            work.task = asyncio.ensure_future(self._answer(work))
            work.task.add_done_callback(functools.partial(self._over, work))
        if self.waiting or self._running:
            self._empty.clear()
        else:
            self._empty.set()
        self._changed()

    def _no_longer_waits(self, work: _Work) -> None:
        work.lane = None
        self.waiting -= 1
        self._waiting_bytes -= work.size

    def _over(self, work: _Work, task: "asyncio.Task[Answer]") -> None:
        """Free the slot and answer, whatever became of the task: one cancelled before its first step ran nothing."""
        self._running.discard(work)
        answer = _stopped()  # everyone left, or the service goes down
        if not task.cancelled():
            if (error := task.exception()) is None:
                answer = task.result()
                self._ended_at.append(time.monotonic())
            else:
                log.error("a verdict could not be given", exc_info=error)
        self._give(work, answer)
        self._pump()

    async def _answer(self, work: _Work) -> Answer:
        queued_ms = (time.monotonic() - work.queued_at) * 1000
        try:
            return self._told(work.request, await self._judge(work.request), queued_ms)
        except BadChange as error:
            return Answer(422, reason(str(error)))
        except Exception as error:
            log.exception("a check failed in a way nobody thought of")
            verdict = Verdict(status="infra_error", stage=None, reason=f"the service failed: {error!r}")
            return self._told(work.request, verdict, queued_ms)

    def _told(self, request: CheckRequest, verdict: Verdict, queued_ms: float) -> Answer:
        verdict = msgspec.structs.replace(
            verdict, queue_ms=verdict.queue_ms + queued_ms, wall_ms=verdict.wall_ms + queued_ms
        )
        body = msgspec.json.encode(verdict)
        self._judged(request, verdict)
        return Answer(200, body, lasting=verdict.status != "infra_error")

    def _give(self, work: _Work, answer: Answer) -> None:
        if work.request.key is not None:
            self._keys.end(work.request.key, work, answer.body if answer.lasting else None)
        for submission, index in work.waiters:
            submission._give(index, answer, work)
        work.waiters = []


def reason(told: str) -> bytes:
    return msgspec.json.encode({"error": told})


def _stopped() -> Answer:
    return Answer(503, reason("the service went down before this was judged: send it again"))
