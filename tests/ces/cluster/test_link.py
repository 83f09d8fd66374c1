"""The service's way into a cluster whose head can be lost, over real heads in processes of their own."""

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from ces.builds.adapter import BuildSettings
from ces.cluster.connect import OWN_ADDRESS
from ces.cluster.link import Link
from ces.cluster.settings import ClusterSettings
from ces.errors import CesError
from ces.request import CheckRequest

from .conftest import OBJECT_STORE_BYTES, VALUE, settings_in

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray: run 'make test-cluster'")

RAY = Path(sys.executable).parent / "ray"
SCRIPT = "-- check.sh --\ngrep -q good value\n-- value --\ngood\n"


def no_scale(workers: int) -> None:
    """No autoscaler here. Neither this nor `build` is a lambda: they go to another process."""


def build(workspace: Path) -> BuildSettings:
    return BuildSettings(command=("sh", "check.sh"))


class Head:
    """A cluster of one node, that can be killed and started again at its address."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server((OWN_ADDRESS, 0)) as free:
            self.address = f"{OWN_ADDRESS}:{free.getsockname()[1]}"
        self._folder = folder
        path = str(Path(__file__).parents[3])
        self._env = {**os.environ, "RAY_TMPDIR": str(folder), "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": path}

    def start(self) -> None:
        host, _, port = self.address.partition(":")
        argv = [RAY, "start", "--head", "--node-ip-address", host, "--port", port, "--num-cpus", "1"]
        argv += ["--include-dashboard", "false", "--object-store-memory", str(OBJECT_STORE_BYTES)]
        subprocess.run(argv, env=self._env, check=True, capture_output=True)

    def kill(self) -> None:
        """SIGKILL to all of it, as when the machine goes down."""
        found = [each for each in psutil.process_iter(["cmdline"]) if self._is_ours(each.info["cmdline"] or [])]
        for each in found:
            each.kill()
        psutil.wait_procs(found, timeout=60)

    def _is_ours(self, words: list[str]) -> bool:
        return any(str(self._folder) in word for word in words) and "pytest" not in " ".join(words)


@pytest.fixture
async def head(ray_folder: Path, tmp_path: Path) -> AsyncIterator[Head]:
    folder = ray_folder / "head"  # a short path: there are sockets in it
    folder.mkdir(exist_ok=True)
    made = Head(folder)
    await asyncio.to_thread(made.start)
    yield made
    await asyncio.to_thread(made.kill)


@pytest.fixture
async def link(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Awaitable[Link]]]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    made: list[Link] = []

    async def make(address: str, patience_s: float = 300.0) -> Link:
        judge = settings_in(state_dir)
        judge = msgspec.structs.replace(judge, bases=msgspec.structs.replace(judge.bases, build=build))
        settings = ClusterSettings(judge=judge, scale=no_scale, patience_s=patience_s)
        made.append(Link(settings, address, 1))
        await made[-1].start()
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def status(link: Link, root: Path, value: str) -> str:
    verdict = await link.check(CheckRequest(diff=VALUE.format(value), workspace=str(root)))
    assert (verdict.reward is None) == (verdict.status == "infra_error")
    return verdict.status


async def test_a_head_that_is_lost_costs_no_verdict_once_it_is_back(
    head: Head, link: Callable[..., Awaitable[Link]], workspace: Callable[[str], Path]
) -> None:
    root = workspace(SCRIPT)
    ces = await link(head.address)
    assert await status(ces, root, "bad") == "red"
    await asyncio.to_thread(head.kill)
    asked = [asyncio.ensure_future(status(ces, root, f"good {number}")) for number in range(5)]
    await asyncio.to_thread(head.start)
    assert await asyncio.gather(*asked) == ["green"] * 5
    assert await status(ces, root, "bad again") == "red"


async def test_while_the_head_stays_away_nothing_has_a_reward(
    head: Head, link: Callable[..., Awaitable[Link]], workspace: Callable[[str], Path]
) -> None:
    root = workspace(SCRIPT)
    ces = await link(head.address, patience_s=30.0)
    assert await status(ces, root, "good so far") == "green"
    await asyncio.to_thread(head.kill)
    while True:  # the judge may outlive its node for a moment; then that is missed, then the cluster
        verdict = await ces.check(CheckRequest(diff=VALUE.format(f"bad at {time.monotonic()}"), workspace=str(root)))
        assert (verdict.status, verdict.reward) in (("red", 0.0), ("infra_error", None))
        if "the Ray cluster is lost" in (verdict.reason or ""):
            break
    assert not ces.at_work


async def test_a_cluster_that_is_not_there_is_one_line(link: Callable[..., Awaitable[Link]]) -> None:
    with pytest.raises(CesError, match=r"no Ray cluster at 127\.0\.0\.1:1: connection refused; 'ray start --head'"):
        await link("127.0.0.1:1")
