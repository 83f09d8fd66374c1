"""When a server is asked again. Time is the test's own."""

from collections.abc import AsyncGenerator

import pytest

from aid.errors import ModelError
from aid.models.backend import Chunk
from aid.models.retry import Policy, ServerError, retry_after_s, retrying

BUSY = ServerError("busy", retryable=True, status=503)


class Play:
    """Attempts that fail or yield in turn, and the waits between them."""

    def __init__(self, *attempts: list[Chunk | ModelError]) -> None:
        self.attempts = list(attempts)
        self.waits: list[float] = []
        self.seen: list[Chunk] = []

    async def run(self, retries: int = 3, total_s: float = 1000.0) -> str:
        try:
            async for chunk in retrying(self._attempt, Policy(retries=retries), total_s, self._sleep, lambda: 1.0):
                self.seen.append(chunk)
        except ModelError as error:
            return str(error)
        return "".join(chunk.text for chunk in self.seen)

    async def _attempt(self, left_s: float) -> AsyncGenerator[Chunk, None]:
        for step in self.attempts.pop(0):
            if isinstance(step, ModelError):
                raise step
            yield step

    async def _sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)


async def test_waits_longer_each_time_up_to_the_cap() -> None:
    play = Play(*[[ServerError("busy", retryable=True)]] * 7, [Chunk(text="at last")])
    assert await play.run(retries=7) == "at last"
    assert play.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


async def test_gives_up_after_the_last_retry_and_says_how_often_it_tried() -> None:
    play = Play(*[[ServerError("busy", retryable=True)] for _ in range(3)])
    assert await play.run(retries=2) == "busy (tried 3 times)"


async def test_waits_as_long_as_the_server_says_and_a_little() -> None:
    play = Play([ServerError("slow down", retryable=True, retry_after_s=7.0)], [Chunk(text="ok")])
    assert await play.run() == "ok"
    assert play.waits == [7.125]


async def test_does_not_wait_for_longer_than_the_request_may_take() -> None:
    play = Play([ServerError("slow down", retryable=True, retry_after_s=3600.0)])
    assert await play.run() == "slow down"
    assert play.waits == []


async def test_never_asks_again_once_a_part_was_handed_on() -> None:
    play = Play([Chunk(text="half"), BUSY], [Chunk(text="whole")])
    assert await play.run() == "busy"
    assert [chunk.text for chunk in play.seen] == ["half"]


async def test_does_not_ask_again_where_that_cannot_help() -> None:
    assert await Play([ServerError("no such model", status=404)]).run() == "no such model"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_reads_retry_after_in_seconds_and_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, now=60.0) == seconds
