"""The HTTP service in front of a cluster, and `aid ces serve --ray` as the process that it is."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from ces.service.serve import Service
from ces.service.settings import ServiceSettings

from .conftest import VALUE, Gate, Nodes, settings_in

AID = "from aid.cli.entry import main; main()"
BUILD = '[build]\nadapter = "command"\ncommand = ["sh", "check.sh"]\n'


def asked(root: Path, value: str, **fields: object) -> dict[str, object]:
    return {"diff": VALUE.format(value), "workspace": str(root), **fields}


async def test_the_service_has_in_hand_what_the_nodes_have_room_for(
    nodes: Nodes, state_dir: Path, gate: Gate, root: Path
) -> None:
    from ces.cluster.pool import ClusterJudge
    from ces.cluster.settings import ClusterSettings

    nodes.have(2)
    made: list[ClusterJudge] = []

    def judge(settings: Any) -> ClusterJudge:
        made.append(ClusterJudge(ClusterSettings(judge=settings, scale=lambda workers: None)))
        return made[-1]

    service = Service(ServiceSettings(judge=settings_in(state_dir), port=0, open_to_all=True), judge)
    address = await service.start()
    async with aiohttp.ClientSession(address.url) as http:
        while len(made[0].nodes) < 2:
            await made[0].moved()
        body = [asked(root, f"held good {number}", key=f"key {number}") for number in range(20)]
        async with http.post("/v1/check", json=body) as response:
            await gate.started(2)
            async with http.get("/v1/health") as health:
                seen = await health.json()
            assert (seen["workers"], seen["in_hand"], seen["queue"]["waiting"]) == (2, 8, 12)
            nodes.kill(made[0].nodes[0].node)
            while len(made[0].nodes) > 1:
                await made[0].moved()
            gate.open()
            lines = [json.loads(line) async for line in response.content]
        assert sorted(line["key"] for line in lines) == sorted(each["key"] for each in body)
        assert {line["verdict"]["status"] for line in lines} == {"green"}
        async with http.get("/metrics") as metrics:
            text = await metrics.text()
        assert 'ces_node_in_flight{node="' in text and "ces_nodes_lost_total 1.0" in text
        bases: list[dict[str, Any]] = []
        while not bases:  # they are known when the node next reports
            await made[0].moved()
            async with http.get("/v1/bases") as response:
                bases = (await response.json())["bases"]
        assert {base["workspace"] for base in bases} == {str(root)}
    await service.stop()


@pytest.fixture
async def served(
    tmp_path: Path, state_dir: Path, ray_folder: Path
) -> AsyncIterator[Callable[[], Awaitable[tuple[asyncio.subprocess.Process, str]]]]:
    (tmp_path / "config" / "aid").mkdir(parents=True)
    (tmp_path / "config" / "aid" / "aid.toml").write_text(BUILD)
    places = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("STATE", "CONFIG", "CACHE")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = {**kept, **places, "XDG_RUNTIME_DIR": str(tmp_path), "RAY_TMPDIR": str(ray_folder)}
    made: list[asyncio.subprocess.Process] = []

    async def start() -> tuple[asyncio.subprocess.Process, str]:
        words = ("ces", "serve", "--ray", "--workers", "1", "--port", "0", "--no-token", "--state", str(state_dir))
        made.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", AID, *words, env=environment, stdout=asyncio.subprocess.PIPE
            )
        )
        assert made[-1].stdout is not None
        said = await made[-1].stdout.readline()
        return made[-1], said.decode().removeprefix("listening on ").strip()

    yield start
    for each in made:
        if each.returncode is None:
            each.kill()
        await each.wait()
        each._transport.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_it_starts_a_cluster_of_its_own_and_takes_it_along(
    served: Callable[[], Awaitable[tuple[asyncio.subprocess.Process, str]]], tmp_path: Path, end: signal.Signals
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "check.sh").write_text("grep -q good value\n")
    (root / "value").write_text("good\n")
    process, url = await served()
    async with aiohttp.ClientSession(url) as http, http.post("/v1/check", json=asked(root, "bad")) as response:
        verdict = await response.json()
    assert (response.status, verdict["status"], verdict["reward"]) == (200, "red", 0.0)
    started = psutil.Process(process.pid).children(recursive=True)
    names = {each.pid: each.name() for each in started}
    assert "raylet" in names.values()
    process.send_signal(end)
    assert await process.wait() == (0 if end is signal.SIGTERM else -end)
    agents = [each for each in started if end is signal.SIGKILL and names[each.pid].endswith("Agent")]
    _, left = await asyncio.to_thread(psutil.wait_procs, set(started) - set(agents), 30)
    for agent in agents:  # they look for the rest for a minute or two, and end then
        with contextlib.suppress(psutil.NoSuchProcess):
            agent.kill()
    assert not left
