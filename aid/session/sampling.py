"""Ask, judge, and ask again until an answer is green or the budget is spent.

Knows neither models nor builds: it is given `ask` and `judge`. An answer known to be red is reason enough to ask for
the next: what else the build finds wrong with it comes while that one is being made.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from aid.session.attempt import Attempt
from ces.verdict import Verdict


class Judged(msgspec.Struct, frozen=True):
    """An attempt and what the build says of it; None when there was nothing to judge."""

    attempt: Attempt
    verdict: Verdict | None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """At most `candidates` attempts, `width` of them at once.

    `seconds` count from the first complete answer on: the first answer itself is bounded by its model's own time limit
    alone, so that a slow model still gets one. `judged`: there is a build to choose between them. Without one the
    first answer that can be placed, or has no edits on purpose, is the answer.
    """

    candidates: int
    width: int
    seconds: float
    judged: bool = True


Ask = Callable[[int], Awaitable[Attempt | None]]
OnRed = Callable[[Verdict], None]
Judge = Callable[[Attempt, float, OnRed], Awaitable[Verdict]]
"""(attempt, seconds left, what to call when it is known to be red before all is known) -> the verdict."""


class Sampler:
    """One request's sampling. `run` returns the judged attempts as they ended; `unfinished` counts the rest.

    What is still being judged when one turns out green has the verdict it had so far: red, where that was known.
    """

    def __init__(self, ask: Ask, judge: Judge, budget: Budget, on_judged: Callable[[Judged], None]) -> None:
        self._ask = ask
        self._judge = judge
        self._budget = budget
        self._on_judged = on_judged
        self._indices = iter(range(budget.candidates))
        self._deadline: float | None = None
        self._limits: set[asyncio.Timeout] = set()
        self._judged: list[Judged] = []
        self._judging: dict[asyncio.Task[None], _Red] = {}
        self.unfinished = 0
        self._enough = asyncio.Event()
        self._hopeless = False

    async def run(self) -> list[Judged]:
        width = max(1, min(self._budget.width, self._budget.candidates))
        workers = [asyncio.create_task(self._work()) for _ in range(width)]
        try:
            await self._ended_or_enough(workers)
            await self._ended_or_enough([*self._judging])
        finally:
            for task in (*workers, *self._judging):
                task.cancel()
            await asyncio.gather(*workers, *self._judging, return_exceptions=True)
        for red in self._judging.values():
            if red.verdict is not None and not red.judged:
                self._end(Judged(red.attempt, red.verdict))
        return self._judged

    async def _ended_or_enough(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        enough = asyncio.create_task(self._enough.wait())
        pending: set[asyncio.Task[Any]] = {*tasks}
        while pending and not enough.done():
            _, pending = await asyncio.wait({*pending, enough}, return_when=asyncio.FIRST_COMPLETED)
            pending.discard(enough)
        enough.cancel()
        for task in tasks:
            if task.done():
                task.result()

    async def _work(self) -> None:
        for index in self._indices:
            if self._enough.is_set() or self._hopeless or (self._deadline is not None and self._left() <= 0):
                return
            attempt = await self._ask_in_time(index)
            if attempt is None:
                return
            self._hopeless = self._hopeless or attempt.hopeless  # what is placed already is judged all the same
            if attempt.outcome != "placed":
                self._end(Judged(attempt, None))
                continue
            red = _Red(attempt)
            judging = asyncio.create_task(self._judge_to_the_end(red))
            self._judging[judging] = red
            known = asyncio.create_task(red.known.wait())
            await asyncio.wait({judging, known}, return_when=asyncio.FIRST_COMPLETED)
            known.cancel()
            if judging.done():
                judging.result()

    async def _judge_to_the_end(self, red: "_Red") -> None:
        verdict = await self._judge(red.attempt, self._left(), red.tell)
        red.judged = True
        self._end(Judged(red.attempt, verdict))

    def _end(self, judged: Judged) -> None:
        self._judged.append(judged)
        self._on_judged(judged)
        if self._is_enough(judged):
            self._enough.set()

    def _is_enough(self, judged: Judged) -> bool:
        """Green, or what asking again can't better because nobody can judge it."""
        if judged.verdict is None:
            return judged.attempt.outcome == "no-edit" and not self._budget.judged
        return judged.verdict.status in ("green", "unchecked")

    async def _ask_in_time(self, index: int) -> Attempt | None:
        """The attempt, or None when there are no more or its time ran out."""
        limit = asyncio.timeout_at(self._deadline)
        self._limits.add(limit)
        try:
            async with limit:
                attempt = await self._ask(index)
        except TimeoutError:
            self.unfinished += 1
            return None
        finally:
            self._limits.discard(limit)
        if attempt is not None:
            self._start_clock()
        return attempt

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._budget.seconds
            for limit in self._limits:
                limit.reschedule(self._deadline)

    def _left(self) -> float:
        if self._deadline is None:
            return self._budget.seconds
        return self._deadline - asyncio.get_running_loop().time()


class _Red:
    """An attempt that is being judged, and the verdict it already has if it is known to be red."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.verdict: Verdict | None = None
        self.known = asyncio.Event()
        self.judged = False

    def tell(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.known.set()
