"""Servers and clients for these tests: real sockets, real processes, and a host that answers without a model."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

import aid.server.lsp  # noqa: F401  # there, as in a daemon that has served an editor; fake_daemon's are the first
from aid import lifecycle
from aid.models.recording import Recording
from aid.server.server import Server
from aid.server.wire import Limits

HERE = Path(__file__).parent


def _load(name: str) -> ModuleType:
    """A neighbouring file as a module: tests are no package."""
    full_name = f"server_tests_{name}"
    if full_name not in sys.modules:
        spec = spec_from_file_location(full_name, HERE / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[full_name] = module
        spec.loader.exec_module(module)
    return sys.modules[full_name]


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The XDG directories, short and away from the person's own."""
    base = Path(tempfile.mkdtemp(prefix="aid", dir="/tmp"))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        directory = base / variable.split("_")[1].lower()
        directory.mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(directory))
    yield base
    shutil.rmtree(base)


@pytest.fixture
def fakes() -> ModuleType:
    """fake_host.py: FakeHost."""
    return _load("fake_host")


@pytest.fixture
def peers() -> ModuleType:
    """peer.py: Peer, a client that can also misbehave."""
    return _load("peer")


@pytest.fixture
def worlds() -> ModuleType:
    """world.py: World."""
    return _load("world")


MakeWorld = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope="function")
async def world(private: Path, peers: ModuleType, worlds: ModuleType) -> AsyncIterator[MakeWorld]:
    """Makes the test's world: `at = await world(*recordings)`."""
    async with AsyncExitStack() as stack:

        async def make(*recordings: Recording) -> Any:
            return await stack.enter_async_context(worlds.World(private, peers.Peer, recordings))

        yield make


Serve = Callable[..., Awaitable[tuple[Server, object, Path]]]


@pytest_asyncio.fixture(loop_scope="function")
async def serve(private: Path, fakes: ModuleType) -> AsyncIterator[Serve]:
    """Starts servers in this process: `server, host, path = await serve(limits)`."""
    started: list[Server] = []

    async def start(limits: Limits | None = None) -> tuple[Server, object, Path]:
        host = fakes.FakeHost()
        server = Server(host, limits)
        path = private / "runtime" / f"{len(started)}.sock"
        await server.listen(lifecycle.bound(path))
        started.append(server)
        return server, host, path

    yield start
    for server in started:
        await server.drain(0.0)


@pytest.fixture
def environment(private: Path) -> dict[str, str]:
    """For child processes: the private directories and warnings as errors."""
    return {**os.environ, "PYTHONWARNINGS": "error"}


@pytest_asyncio.fixture(loop_scope="function")
async def fake_daemon(environment: dict[str, str]) -> AsyncIterator[int]:
    """A daemon process that serves a FakeHost at the socket `aid connect` looks for; its pid."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "fake_daemon.py"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = await process.stdout.readline()
    assert said == b"ready\n", said
    yield process.pid
    if process.returncode is None:
        process.terminate()
    await process.wait()
