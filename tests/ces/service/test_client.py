"""The client: a judge's calls, over HTTP."""

import asyncio
from pathlib import Path

import pytest

from ces.errors import BadChange, CesError
from ces.request import CheckRequest
from ces.service.client import CesClient, found

from .conftest import VALUE, MakeCaller, MakeService, token_of


def request(root: Path, value: str, **fields: object) -> CheckRequest:
    return CheckRequest(diff=VALUE.format(value), workspace=str(root), **fields)  # type: ignore[arg-type]


async def test_a_running_service_is_found_by_its_state(service: MakeService, root: Path, state_dir: Path) -> None:
    assert found(state_dir) is None
    served = await service()
    client = found(state_dir)
    assert client is not None
    async with client:
        assert (await client.check(request(root, "good enough"))).reward == 1.0
        verdicts = await client.evaluate([request(root, f"{'bad' if n % 3 else 'good'} {n}") for n in range(30)])
        assert [verdict.status for verdict in verdicts] == ["red" if n % 3 else "green" for n in range(30)]
        assert (await client.health())["status"] == "ok" and len(await client.bases()) == 1
    await served.stop()
    assert found(state_dir) is None


async def test_what_cannot_be_meant_raises_as_the_judge_does(service: MakeService, root: Path) -> None:
    served = await service()
    assert served.address is not None and served.address.url is not None
    async with CesClient(served.address.url, token_of(served.address)) as client:
        with pytest.raises(BadChange, match="version control"):
            await client.check(request(root, "bad", rev="nonsense"))
        many = [request(root, "bad"), request(root, "bad", rev="nonsense")]
        answers = {index: answer async for index, answer in client.stream(many)}
        assert isinstance(answers[1], BadChange) and not isinstance(answers[0], BadChange)
        with pytest.raises(CesError, match="was given to another"):
            await client.evaluate([request(root, "bad", key="k"), request(root, "good", key="k")])
    async with CesClient(served.address.url, "wrong") as client:
        with pytest.raises(CesError, match="token is missing or wrong"):
            await client.check(request(root, "bad"))
        with pytest.raises(CesError, match="token is missing or wrong"):
            await client.health()


async def test_a_full_queue_only_delays(service: MakeService, caller: MakeCaller, root: Path) -> None:
    served = await service(workers=1, slots=1, queue_limit=1)
    assert served.address is not None and served.address.url is not None
    async with CesClient(served.address.url, token_of(served.address)) as client:
        verdicts = await asyncio.gather(*(client.check(request(root, f"bad {n}")) for n in range(8)))
    assert [verdict.status for verdict in verdicts] == ["red"] * 8
    async with caller(served).http.get("/metrics") as response:
        assert 'ces_refused_total{code="429"}' in await response.text()


async def test_a_service_that_is_gone_for_good_gives_no_reward(root: Path) -> None:
    async with CesClient("http://127.0.0.1:1", "token", patience_s=0.5) as client:
        verdict = await client.check(request(root, "bad"))
        assert (verdict.status, verdict.reward) == ("infra_error", None)
        assert verdict.reason is not None and "gave no answer" in verdict.reason
        with pytest.raises(CesError, match="can't be reached"):
            await client.health()


async def test_leaving_the_loop_cancels_the_rest(service: MakeService, caller: MakeCaller, root: Path) -> None:
    served = await service()
    assert served.address is not None and served.address.url is not None
    async with CesClient(served.address.url, token_of(served.address)) as client:
        endless = [request(root, f"endless {n}") for n in range(20)]
        stream = client.stream([CheckRequest(diff="what?", workspace=str(root)), *endless])
        async for index, _ in stream:
            assert index == 0
            break
        await stream.aclose()
        await caller(served).idle()
