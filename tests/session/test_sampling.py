"""Sampling until green: how many are asked, what stops it, what is left behind."""

import asyncio

from aid.session.attempt import Attempt
from aid.session.sampling import Budget, Judged, OnRed, Sampler
from ces.verdict import Verdict

GREEN = Verdict(status="green", stage="build")
RED = Verdict(status="red", stage="build")
PLACED = Attempt(model="m", outcome="placed")
NOTHING = Attempt(model="m", outcome="no-op")


class Script:
    """Attempts and verdicts in order; counts what was asked."""

    def __init__(self, *steps: tuple[Attempt | None, Verdict | None]) -> None:
        self.steps = steps
        self.asked = 0
        self.seen: list[Judged] = []

    async def ask(self, index: int) -> Attempt | None:
        self.asked += 1
        return self.steps[index][0]

    async def judge(self, attempt: Attempt, seconds: float, on_red: OnRed) -> Verdict:
        verdict = self.steps[self.asked - 1][1]
        assert verdict is not None
        return verdict

    async def run(self, *, candidates: int, width: int = 1, seconds: float = 60.0) -> list[Judged]:
        budget = Budget(candidates=candidates, width=width, seconds=seconds)
        return await Sampler(self.ask, self.judge, budget, self.seen.append).run()


async def test_stops_at_the_first_green() -> None:
    script = Script((PLACED, RED), (PLACED, GREEN), (PLACED, RED))
    judged = await script.run(candidates=3)
    assert [each.verdict for each in judged] == [RED, GREEN]
    assert script.asked == 2
    assert script.seen == judged


async def test_an_answer_that_does_nothing_is_asked_again_and_not_judged() -> None:
    judged = await Script((NOTHING, None), (PLACED, GREEN)).run(candidates=4)
    assert [each.verdict for each in judged] == [None, GREEN]


async def test_ends_when_there_are_no_more_candidates() -> None:
    script = Script((PLACED, RED), (None, None), (PLACED, GREEN))
    assert [each.verdict for each in await script.run(candidates=3)] == [RED]
    assert script.asked == 2


async def test_a_spent_budget_still_shows_the_first_answer() -> None:
    script = Script((PLACED, RED), (PLACED, GREEN))
    assert [each.verdict for each in await script.run(candidates=2, seconds=0.0)] == [RED]
    assert script.asked == 1


async def test_what_nobody_can_judge_is_not_asked_again() -> None:
    unchecked = Verdict(status="unchecked", stage=None, reason="no build was recognised")
    script = Script((NOTHING, None), (PLACED, unchecked), (PLACED, GREEN))
    assert [each.verdict for each in await script.run(candidates=3)] == [None, unchecked]


async def test_a_model_that_fails_for_good_is_not_asked_again_and_what_was_placed_stays() -> None:
    failed = Attempt(model="m", outcome="failed", error="refused", hopeless=True)
    script = Script((PLACED, RED), (failed, None), (PLACED, GREEN))
    assert [each.verdict for each in await script.run(candidates=3)] == [RED, None]
    assert script.asked == 2


async def test_a_model_that_broke_off_is_asked_again() -> None:
    broken = Attempt(model="m", outcome="failed", error="stopped in the middle of its answer")
    script = Script((broken, None), (PLACED, GREEN))
    assert [each.verdict for each in await script.run(candidates=3)] == [None, GREEN]


async def test_an_answer_in_prose_is_an_answer_where_there_is_no_build() -> None:
    prose = Attempt(model="m", outcome="no-edit")
    for judged, asked in ((False, 1), (True, 2)):
        script = Script((prose, None), (PLACED, GREEN))
        budget = Budget(candidates=2, width=1, seconds=60, judged=judged)
        await Sampler(script.ask, script.judge, budget, script.seen.append).run()
        assert script.asked == asked


async def test_green_cancels_what_is_still_being_asked() -> None:
    cancelled = asyncio.Event()
    second_asked = asyncio.Event()

    async def ask(index: int) -> Attempt:
        if index == 0:
            await second_asked.wait()
            return PLACED
        second_asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return PLACED

    async def judge(attempt: Attempt, seconds: float, on_red: OnRed) -> Verdict:
        return GREEN

    budget = Budget(candidates=2, width=2, seconds=60)
    judged = await Sampler(ask, judge, budget, lambda judged: None).run()
    assert [each.verdict for each in judged] == [GREEN]
    assert cancelled.is_set()


async def test_the_first_answer_starts_the_clock_of_the_others() -> None:
    second_asked = asyncio.Event()

    async def ask(index: int) -> Attempt:
        if index == 0:
            await second_asked.wait()
            return PLACED
        second_asked.set()
        await asyncio.Event().wait()
        raise AssertionError("never answers")

    async def judge(attempt: Attempt, seconds: float, on_red: OnRed) -> Verdict:
        return RED

    budget = Budget(candidates=2, width=2, seconds=0.0)
    sampler = Sampler(ask, judge, budget, lambda judged: None)
    assert [each.verdict for each in await sampler.run()] == [RED]
    assert sampler.unfinished == 1


PARTLY = Verdict(status="red", stage="typecheck", reason="more to come")


class Slow:
    """Attempts whose verdicts come when they are let; each is known to be red at once."""

    def __init__(self, *verdicts: Verdict, early: bool = True) -> None:
        self.let = [asyncio.Event() for _ in verdicts]
        self.asked = [asyncio.Event() for _ in verdicts]
        self.verdicts = verdicts
        self.early = early

    async def ask(self, index: int) -> Attempt:
        self.asked[index].set()
        return Attempt(model=str(index), outcome="placed")

    async def judge(self, attempt: Attempt, seconds: float, on_red: OnRed) -> Verdict:
        index = int(attempt.model)
        if self.verdicts[index].status == "red" and self.early:
            on_red(PARTLY)
        await self.let[index].wait()
        return self.verdicts[index]

    def sampler(self, seen: list[Judged]) -> Sampler:
        return Sampler(self.ask, self.judge, Budget(candidates=len(self.let), width=1, seconds=60), seen.append)


async def test_what_is_known_to_be_red_is_no_reason_to_wait_with_the_next() -> None:
    slow, seen = Slow(RED, RED), list[Judged]()
    running = asyncio.create_task(slow.sampler(seen).run())
    await slow.asked[1].wait()
    assert not seen, "what it adds isn't told by half"
    slow.let[1].set()
    slow.let[0].set()
    judged = await running
    assert {each.attempt.model for each in judged} == {"0", "1"} and [each.verdict for each in judged] == [RED, RED]


async def test_what_was_still_being_judged_when_one_is_green_is_as_red_as_was_known() -> None:
    slow, seen = Slow(RED, GREEN, RED), list[Judged]()
    slow.let[1].set()
    assert await slow.sampler(seen).run() == seen
    assert [(each.attempt.model, each.verdict) for each in seen] == [("1", GREEN), ("0", PARTLY)]
    assert not slow.asked[2].is_set()


async def test_the_builds_word_is_the_last() -> None:
    """Said to be red, and green after all: that ends it, whatever is asked meanwhile."""
    slow = Slow(RED, RED)
    running = asyncio.create_task(slow.sampler([]).run())
    await slow.asked[1].wait()
    slow.verdicts = (GREEN, RED)
    slow.let[0].set()
    assert [(each.attempt.model, each.verdict) for each in await running] == [("0", GREEN), ("1", PARTLY)]


async def test_an_unexpected_error_is_raised_not_swallowed() -> None:
    async def ask(index: int) -> Attempt:
        raise ZeroDivisionError

    async def judge(attempt: Attempt, seconds: float, on_red: OnRed) -> Verdict:
        return RED

    budget = Budget(candidates=2, width=2, seconds=1)
    try:
        await Sampler(ask, judge, budget, lambda judged: None).run()
    except ZeroDivisionError:
        return
    raise AssertionError("the error was swallowed")
