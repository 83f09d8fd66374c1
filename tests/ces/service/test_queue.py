"""A full queue, and callers who leave."""

import asyncio

import msgspec
import pytest

from ces.request import CheckRequest
from ces.service.keys import Conflict, Keys
from ces.service.queue import Answer, Limits, Queue, Submission
from ces.verdict import Verdict

from .conftest import MakeCaller, MakeService


async def test_a_full_queue_says_when_to_come_again(service: MakeService, caller: MakeCaller) -> None:
    served = await service(workers=1, slots=1, queue_limit=2)
    ask, other = caller(served), caller(served)
    first = asyncio.ensure_future(ask.lines([ask.request("slow, good")]))
    await other.busy()
    second = asyncio.ensure_future(ask.lines([ask.request("good too")]))
    await other.until(lambda now: now["waiting"] == 1)
    two = [other.request("bad"), other.request("worse")]
    async with other.http.post("/v1/check", json=two) as response:  # room for one: none is taken
        assert response.status == 429 and int(response.headers["Retry-After"]) >= 1
        assert "the queue is full (1 wait)" in (await response.json())["error"]
    assert (await other.check([*two, other.request("bad, too")]))[0] == 413
    assert (await other.check(other.request("bad")))[1]["status"] == "red"
    assert [line["verdict"]["status"] for line in (*await first, *await second)] == ["green", "green"]


async def test_the_texts_that_wait_are_bounded_too(service: MakeService, caller: MakeCaller) -> None:
    served = await service(workers=1, slots=1, queue_bytes=10_000)
    ask, other = caller(served), caller(served)
    large = [ask.request("slow, good"), ask.request("good " + "x" * 9000)]
    running = asyncio.ensure_future(ask.lines(large))
    await other.busy()
    status, body = await other.check(other.request("y" * 9000))
    assert status == 429 and "MiB wait" in body["error"]
    assert len(await running) == 2


async def test_who_leaves_takes_the_work_along(service: MakeService, caller: MakeCaller) -> None:
    served = await service()
    gone, ask = caller(served), caller(served)
    leaving = asyncio.ensure_future(gone.lines([gone.request(f"endless {n}") for n in range(50)]))
    assert (await ask.busy(2))["waiting"] > 0
    leaving.cancel()
    await gone.http.close()
    await ask.idle()
    assert (await ask.check(ask.request("bad")))[1]["status"] == "red"
    assert "ces_verdicts_total{" in await metrics(ask) and 'status="timeout"' not in await metrics(ask)


@pytest.mark.parametrize("key", [None, "k"])
async def test_work_another_waits_for_goes_on(service: MakeService, caller: MakeCaller, key: str | None) -> None:
    served = await service()
    gone, ask = caller(served), caller(served)
    request = ask.request("slow, good", key=key)
    leaving = asyncio.ensure_future(gone.check(request))
    await ask.busy()
    staying = asyncio.ensure_future(ask.check(request))
    await ask.until(lambda now: now["in_hand"] == 2 if key is None else bool(now["in_hand"]))
    leaving.cancel()
    await gone.http.close()
    assert (await staying)[1]["status"] == "green"


class Gated:
    """A queue of one slot whose judge answers a diff once its gate is open; `odd` is an answer no JSON can carry."""

    def __init__(self) -> None:
        self.gates = {name: asyncio.Event() for name in ("first", "second", "third", "odd")}
        limits = Limits(slots=1, waiting=10, waiting_bytes=1 << 20)
        self.queue = Queue(self._judge, limits, 60.0, lambda request, verdict: None, lambda: None)

    async def _judge(self, request: CheckRequest) -> Verdict:
        await self.gates[request.diff].wait()
        return Verdict(status="green", stage=None, reason="\udcff" if request.diff == "odd" else None)

    async def ask(self, diff: str) -> Answer:
        """As the service does for a caller."""
        submission = self.queue.submit([CheckRequest(diff=diff, workspace="/w")], 10)
        assert isinstance(submission, Submission)
        try:
            return (await submission.next())[1]
        finally:
            self.queue.leave(submission)


async def settled() -> None:
    """Everything that was ready to run has run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_leaves_as_a_slot_falls_free_does_not_keep_it() -> None:
    gated = Gated()
    first, second = (asyncio.ensure_future(gated.ask(name)) for name in ("first", "second"))
    await settled()
    gated.gates["first"].set()
    second.cancel()  # in the turn in which its work is handed on, before that has begun
    assert (await first).status == 200
    await settled()
    assert (gated.queue.in_hand, gated.queue.waiting) == (0, 0)
    gated.gates["third"].set()
    async with asyncio.timeout(10):
        assert (await gated.ask("third")).status == 200
    assert await gated.queue.drain(10)


async def test_a_service_that_stops_answers_what_has_not_begun() -> None:
    gated = Gated()
    asking = asyncio.ensure_future(gated.ask("first"))
    await asyncio.sleep(0)  # it has asked, and its work is handed on but has not begun
    await gated.queue.stop()
    async with asyncio.timeout(10):
        assert (await asking).status == 503
    assert gated.queue.in_hand == 0


async def test_a_verdict_that_can_not_be_written_is_answered_and_frees_its_slot() -> None:
    gated = Gated()
    gated.gates["odd"].set()
    async with asyncio.timeout(10):
        answer = await gated.ask("odd")
    assert msgspec.json.decode(answer.body)["status"] == "infra_error" and not answer.lasting
    assert gated.queue.in_hand == 0


async def metrics(ask: object) -> str:
    async with ask.http.get("/metrics") as response:  # type: ignore[attr-defined]
        text: str = await response.text()
        return text


def test_answers_are_forgotten_after_a_while() -> None:
    now = 0.0
    keys: Keys[object] = Keys(10.0, clock=lambda: now)
    work = object()
    keys.begin("k", b"1", work)
    now = 100.0  # what runs is never forgotten
    assert keys.find("k", b"1") is work and keys.find("k", b"2") == Conflict("k")
    keys.end("k", object(), b"another's")
    assert keys.find("k", b"1") is work
    keys.end("k", work, b"answer")
    now = 109.0
    assert keys.find("k", b"1") == b"answer" and keys.find("k", b"2") == Conflict("k")
    now = 111.0
    assert keys.find("k", b"1") is None and keys.find("k", b"2") is None


def test_kept_answers_are_bounded_in_size() -> None:
    keys: Keys[str] = Keys(1e9)
    for number in range(100):
        keys.begin(str(number), b"", "work")
        keys.end(str(number), "work", b"x" * (1 << 20))
    kept = [number for number in range(100) if keys.find(str(number), b"") is not None]
    assert kept == list(range(36, 100))
