"""How a service ends, in a process of its own, and begins again."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from ces.request import CheckRequest
from ces.service.client import CesClient
from ces.service.serve import running

from .conftest import VALUE, Caller, MakeCaller, Process, token_of

MakeProcess = Callable[..., Awaitable[Process]]


async def draining(ask: Caller) -> aiohttp.ClientResponse:
    """What a new request is told, once the service is going down."""
    await ask.until(lambda now: now["state"] == "draining")
    return await ask.http.post("/v1/check", json=ask.request("good"))


def alive(build: psutil.Process) -> bool:
    try:
        return build.status() != psutil.STATUS_ZOMBIE  # which waits only to be reaped
    except psutil.NoSuchProcess:
        return False


async def sleeping(ask: Caller, mark: str) -> list[psutil.Process]:
    """The processes of the endless build with that number, once it is there."""
    await ask.busy()
    while True:
        async with ask.http.get("/v1/health") as response:
            assert (await response.json())["busy"]
        if builds := [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", mark]]:
            return builds


async def test_what_was_taken_is_answered_before_the_end(
    process: MakeProcess, caller: MakeCaller, state_dir: Path
) -> None:
    served = await process()
    ask, other = caller(served), caller(served)
    many = [ask.request("slow, good"), *(ask.request(f"bad {n}") for n in range(10))]
    taken = asyncio.ensure_future(ask.lines(many))
    await other.busy()
    served.running.send_signal(signal.SIGTERM)
    refused = await draining(other)
    assert refused.status == 503 and int(refused.headers["Retry-After"]) >= 1
    async with other.http.get("/v1/health") as response:
        assert response.status == 503 and (await response.json())["status"] == "draining"
    assert sorted(line["verdict"]["status"] for line in await taken) == ["green", *["red"] * 10]
    assert await served.running.wait() == 0
    assert running(state_dir) is None and not (state_dir / "service.json").exists()


async def test_a_second_signal_ends_it_at_once(process: MakeProcess, caller: MakeCaller) -> None:
    served = await process()
    ask, other = caller(served), caller(served)
    running = asyncio.ensure_future(ask.check(ask.request(f"endless {served.running.pid}")))
    mark = f"600.{served.running.pid}"
    builds = await sleeping(caller(served), mark)
    many = asyncio.ensure_future(other.lines([other.request(f"endless {n}") for n in range(3)]))
    await caller(served).until(lambda now: now["in_hand"] == 4)
    served.running.send_signal(signal.SIGTERM)
    await draining(caller(served))
    served.running.send_signal(signal.SIGTERM)
    status, body = await running
    assert status == 503 and "send it again" in body["error"]
    assert [line["status"] for line in await many] == [503] * 3
    assert await served.running.wait() == 128 + signal.SIGTERM
    assert builds and not [build for build in builds if alive(build)]


async def test_the_drain_has_an_end(process: MakeProcess, caller: MakeCaller) -> None:
    served = await process(drain_s=0.2)
    ask, other = caller(served), caller(served)
    running = asyncio.ensure_future(ask.check(ask.request("endless")))
    await other.busy()
    served.running.send_signal(signal.SIGTERM)
    assert (await running)[0] == 503
    assert await served.running.wait() == 0


async def test_builds_die_with_a_killed_service(process: MakeProcess, caller: MakeCaller) -> None:
    served = await process()
    ask = caller(served)
    asked = asyncio.ensure_future(ask.check(ask.request(f"endless {served.running.pid}")))
    mark = f"600.{served.running.pid}"
    builds = await sleeping(caller(served), mark)
    served.running.kill()
    with pytest.raises(aiohttp.ClientError):
        await asked
    assert not psutil.wait_procs(builds, timeout=60)[1]
    again = await process()
    assert (await caller(again).check(ask.request("bad")))[1]["status"] == "red"


async def test_nothing_is_lost_or_doubled_when_it_is_killed(process: MakeProcess, root: Path) -> None:
    served = await process()
    assert served.address.url is not None
    requests = [
        CheckRequest(diff=VALUE.format(f"{'good' if n % 2 else 'bad'} {n}"), workspace=str(root)) for n in range(60)
    ]
    answered: list[int] = []
    async with CesClient(served.address.url, token_of(served.address)) as client:
        async for index, verdict in client.stream(requests):
            assert getattr(verdict, "status", verdict) == ("green" if index % 2 else "red")
            answered.append(index)
            if len(answered) == 10:
                served.running.kill()
                await served.running.wait()
                served = await process(port=int(served.address.url.rpartition(":")[2]))
    assert sorted(answered) == list(range(60))
