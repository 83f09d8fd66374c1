"""Requests in, verdicts out, over HTTP."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from ces import VERSION
from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.service.board import Base, Recent, Snapshot

from .conftest import COMMAND, VALUE, Caller, MakeCaller, MakeService

GREEN = ("green", 1.0)


async def test_one_request_gets_one_verdict(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    status, verdict = await ask.check(ask.request("good enough"))
    assert (status, verdict["status"], verdict["reward"]) == (200, *GREEN)
    status, verdict = await ask.check(ask.request("bad"))
    assert (status, verdict["status"], verdict["reward"], verdict["cached"]) == (200, "red", 0.0, False)
    assert (await ask.check(ask.request("bad")))[1]["cached"]
    assert (await ask.check(ask.request("bad", diff="what?")))[1]["stage"] == "format"


@pytest.mark.parametrize("enclosed", [False, True])
async def test_many_are_streamed_as_they_finish(service: MakeService, caller: MakeCaller, enclosed: bool) -> None:
    ask = caller(await service())
    many = [ask.request("slow, good", key="slow"), ask.request("bad"), ask.request("good", rev="nonsense")]
    lines = await ask.lines({"requests": many} if enclosed else many)
    assert sorted(line["index"] for line in lines) == [0, 1, 2]
    assert lines[-1]["index"] == 0 and lines[-1]["key"] == "slow" and lines[-1]["verdict"]["status"] == "green"
    bad = next(line for line in lines if line["index"] == 1)
    assert bad["key"] is None and bad["verdict"]["status"] == "red"
    wrong = next(line for line in lines if line["index"] == 2)
    assert wrong["status"] == 422 and "revision" in wrong["error"] and "verdict" not in wrong


async def test_many_come_as_events_to_who_asks(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    headers = {"Accept": "text/event-stream"}
    async with ask.http.post("/v1/check", json=[ask.request("bad")], headers=headers) as response:
        assert response.content_type == "text/event-stream"
        said = (await response.text()).split("\n\n")
    assert said[0].startswith('event: verdict\ndata: {"index":0,') and said[1:] == ["event: end\ndata: {}", ""]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (b"[" * 100_000, "can't be read"),
        (b"null", "can't be read"),
        (b"[]", "no request was given"),
        (b"{}", "missing required field `diff`"),
        (b'{"diff": 1, "workspace": "/"}', "Expected `str`, got `int` - at `$.diff`"),
        (b'{"diff": "", "workspace": "/", "upTo": "test"}', "unknown field `upTo`"),
        (b'[{"diff": "", "workspace": "/"}, {"diff": ""}]', "at `$[1]`"),
        (b'{"diff": "", "workspace": "/", "timeout_s": -1}', "timeout_s must be more than 0"),
        (b'{"diff": "", "workspace": "/", "timeout_s": 1e300}', "timeout_s must be more than 0"),
        (b'{"diff": "", "workspace": "/", "key": ""}', "a key has 1 to 255 characters"),
        (b'{"requests": [], "upto": "test"}', "nothing else"),
        (b'{"diff": "\\ud800", "workspace": "/"}', "can't be read"),
    ],
)
async def test_what_is_no_request_is_refused_in_a_line(
    service: MakeService, caller: MakeCaller, body: bytes, said: str
) -> None:
    ask = caller(await service())
    async with ask.http.post("/v1/check", data=body) as response:
        error = (await response.json())["error"]
    assert response.status == 400 and said in error and "\n" not in error


async def test_a_request_that_cannot_be_meant_is_the_callers_fault(
    service: MakeService, caller: MakeCaller, tmp_path: Path
) -> None:
    ask = caller(await service())
    for workspace in ("/nowhere", "relative", "nul\0"):
        status, body = await ask.check(ask.request("good", workspace=workspace))
        assert status == 422 and "is no directory" in body["error"]


async def test_the_same_key_gets_the_same_answer(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    request = ask.request("endless", timeout_s=1.0)  # no cache keeps what ran out of time
    first, second = await asyncio.gather(*(ask.check(request, **{"Idempotency-Key": "k"}) for _ in range(2)))
    assert first == second and first[1]["status"] == "timeout"
    assert await ask.check({**request, "key": "k"}) == first
    assert (await ask.lines([{**request, "key": "k"}]))[0]["verdict"] == first[1]
    again = await ask.check(request, **{"Idempotency-Key": "another"})
    assert again[1]["status"] == "timeout" and again != first
    status, body = await ask.check(ask.request("bad"), **{"Idempotency-Key": "k"})
    assert status == 409 and "'k'" in body["error"]
    twice = [ask.request("bad", key="x"), ask.request("good", key="x")]
    assert (await ask.check(twice))[0] == 409


async def test_a_failing_machine_is_asked_again_under_the_same_key(
    service: MakeService, caller: MakeCaller, state_dir: Path
) -> None:
    ask = caller(await service())
    (state_dir / "bases").write_text("a file where the bases should be\n")
    verdict = (await ask.check(ask.request("bad", key="k")))[1]
    assert (verdict["status"], verdict["reward"]) == ("infra_error", None)
    (state_dir / "bases").unlink()
    assert (await ask.check(ask.request("bad", key="k")))[1]["status"] == "red"


async def test_copies_of_a_base_are_one_in_the_list(service: MakeService, caller: MakeCaller, state_dir: Path) -> None:
    """Another process that finds the base open builds one of its own."""
    ask = caller(await service())
    _, first = await ask.check(ask.request("good too"))
    bases = BaseSettings(state_dir=state_dir, build=lambda workspace: BuildSettings(command=COMMAND), claim_wait_s=0.0)
    other = Judge(JudgeSettings(bases=bases))
    verdict = await other.check(CheckRequest(diff=VALUE.format("good, too"), workspace=str(ask.root)))
    await other.close()
    assert (verdict.status, verdict.base, verdict.cached) == ("green", first["base"], False)
    async with ask.http.get("/v1/bases") as response:
        (base,) = (await response.json())["bases"]
    sizes = [json.loads(path.read_bytes())["size_bytes"] for path in state_dir.glob("bases/*/base.json")]
    assert len(sizes) == 2
    assert (base["id"], base["copies"], base["size_bytes"]) == (first["base"], 2, sum(sizes))
    shown = await ask.until(lambda now: bool(now["bases"]))
    assert [each["copies"] for each in shown["bases"]] == [2]


async def test_health_bases_and_metrics_tell_what_happened(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    await ask.lines([ask.request("good too"), ask.request("bad"), ask.request("good", diff="?")])
    await ask.check(ask.request("bad"))
    async with ask.http.get("/v1/health") as response:
        health = await response.json()
    assert health == {
        "status": "ok", "version": VERSION, "workers": 2, "busy": 0, "in_hand": 0,
        "queue": {"waiting": 0, "limit": 20_000},
    }  # fmt: skip
    async with ask.http.get("/v1/bases") as response:
        (base,) = (await response.json())["bases"]
    assert (base["workspace"], base["adapter"], base["status"]["status"]) == (str(ask.root), "command", "green")
    async with ask.http.get("/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = (await response.text()).splitlines()
    for line in (
        'ces_verdicts_total{stage="build",status="green"} 1.0',
        'ces_verdicts_total{stage="build",status="red"} 2.0',
        'ces_verdicts_total{stage="format",status="red"} 1.0',
        "ces_cache_hits_total 1.0",
        "ces_audit_disagreements_total 0.0",
        "ces_queue_length 0.0",
        "ces_wall_seconds_count 4.0",
        "ces_queue_seconds_count 4.0",
        "ces_bases 1.0",
    ):
        assert line in text, line


async def test_two_thousand_waiting_requests_are_each_answered_once(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    lines = await ask.lines([ask.request(f"{'good' if n % 2 else 'bad'} {n % 8}") for n in range(2000)])
    assert sorted(line["index"] for line in lines) == list(range(2000))
    assert all(line["verdict"]["status"] == ("green" if line["index"] % 2 else "red") for line in lines)


async def test_one_request_is_not_behind_anothers_many(service: MakeService, caller: MakeCaller) -> None:
    served = await service(workers=1, slots=1)
    many, one = caller(served), caller(served)
    order: list[str] = []

    async def noted(name: str, ask: Caller, body: list[dict[str, object]]) -> None:
        await ask.lines(body)
        order.append(name)

    crowd = asyncio.ensure_future(noted("many", many, [many.request(f"good {n}") for n in range(40)]))
    await one.until(lambda now: now["waiting"] > 30)
    await noted("one", one, [one.request("bad")])
    await crowd
    assert order == ["one", "many"]


def test_the_page_reads_only_what_a_snapshot_has() -> None:
    page = Path(__file__).parents[3].joinpath("ces/service/page.html").read_text()
    rows = set(Base.__struct_fields__) | set(Recent.__struct_fields__)
    assert set(re.findall(r"\b(?:now|last)\.(\w+)", page)) <= set(Snapshot.__struct_fields__)
    assert set(re.findall(r"\b(?:each|verdict)\.(\w+)", page)) - {"hidden"} <= rows
