"""A Ray cluster of several raylets on this machine, and checks that wait until a test lets them go."""

import asyncio
import importlib.util
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.cluster.connect import OWN_ADDRESS, connected
from ces.judge import JudgeSettings

OBJECT_STORE_BYTES = 80 << 20  # the least that Ray takes, about
# A dead raylet is known by its connection, in two seconds instead of fifteen.
QUICK = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
# A value that says "held" waits: it says so in one fifo, and goes on when the other one has a writer, or is a file.
SCRIPT = """-- check.sh --
if grep -q held value; then cat value > {gate}/started; cat {gate}/go > /dev/null; fi
grep -q good value
-- value --
good
"""
VALUE = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+{}\n"


class Gate:
    """Where checks stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("started", "go"):
            os.mkfifo(folder / name)
        self._started = os.open(folder / "started", os.O_RDWR | os.O_NONBLOCK)
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._started, self._read)

    async def started(self, count: int = 1) -> list[str]:
        """The values of the next `count` checks that stop here."""
        return [await self._lines.get() for _ in range(count)]

    def open(self) -> None:
        """For all that stop here now and later."""
        go = os.open(self.folder / "go", os.O_RDWR)
        (self.folder / "file").touch()
        (self.folder / "file").replace(self.folder / "go")
        os.close(go)

    def close(self) -> None:
        self.open()
        asyncio.get_running_loop().remove_reader(self._started)
        os.close(self._started)

    def _read(self) -> None:
        for line in os.read(self._started, 65536).decode().splitlines():
            self._lines.put_nowait(line)


class Nodes:
    """Raylets; the head's has no CPUs."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._made: dict[str, Any] = {}

    def have(self, count: int) -> None:
        """So many nodes with one CPU each, those that a test before this lost replaced."""
        while len(self._made) < count:
            self.add()

    def add(self) -> str:
        node = self._cluster.add_node(num_cpus=1, node_ip_address=OWN_ADDRESS, object_store_memory=OBJECT_STORE_BYTES)
        self._made[node.node_id] = node
        return str(node.node_id)

    def kill(self, node: str) -> None:
        """SIGKILL to its raylet."""
        made = self._made.pop(node)
        made.all_processes["raylet"][0].process.kill()


def ours() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@pytest.fixture(scope="session")
def ray_folder() -> Iterator[Path]:
    """For Ray's sockets and logs; where there is Ray."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: run 'make test-cluster'")
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # its processes may be writing their last words


@pytest.fixture(scope="session")
def nodes(ray_folder: Path) -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as environment:
        # Read when Ray is first imported.
        for name, value in {"USAGE_STATS_ENABLED": "0", "AUTH_MODE": "token", "AUTH_TOKEN": "t" * 32}.items():
            environment.setenv(f"RAY_{name}", value)
        environment.setenv("RAY_TMPDIR", str(ray_folder))
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "node_ip_address": OWN_ADDRESS, "include_dashboard": False, "_system_config": QUICK}
        before = ours()
        cluster = Cluster(initialize_head=True, head_node_args={**head, "object_store_memory": OBJECT_STORE_BYTES})
        try:
            with connected(cluster.address, 1):
                yield Nodes(cluster)
        finally:
            cluster.shutdown()
            _, left = psutil.wait_procs(ours() - before, timeout=30)
            assert not left, left


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    folder = Path(tempfile.mkdtemp(prefix="gate"))
    made = Gate(folder)
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture
def root(gate: Gate, workspace: Callable[[str], Path]) -> Path:
    return workspace(SCRIPT.format(gate=gate.folder))


@pytest.fixture
async def judge(state_dir: Path) -> AsyncIterator[Callable[..., Any]]:
    from ces.cluster.pool import ClusterJudge
    from ces.cluster.settings import ClusterSettings

    made: list[ClusterJudge] = []

    def make(scale: Callable[[int], None] = lambda workers: None, **settings: Any) -> ClusterJudge:
        made.append(ClusterJudge(ClusterSettings(judge=settings_in(state_dir), scale=scale, **settings)))
        return made[-1]

    yield make
    for each in made:
        await each.close()


def settings_in(state_dir: Path) -> JudgeSettings:
    """No namespaces: the gates are in this machine's /tmp."""
    build = BuildSettings(command=("sh", "check.sh"))
    bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build, kinds=("session",))
    return JudgeSettings(bases=bases, workers=1, allow_unsandboxed=True)
