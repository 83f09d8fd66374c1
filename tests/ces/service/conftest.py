"""Services on real sockets over tiny real builds."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.judge import JudgeSettings
from ces.service.serve import Address, Service
from ces.service.settings import ServiceSettings

LAUNCH = Path(__file__).parent / "launch.py"
COMMAND = ("sh", "check.sh")
# A value that says so takes three seconds, or for ever.
SCRIPT = """-- check.sh --
if grep -q slow value; then sleep 3; fi
if grep -q endless value; then sleep 600.$(sed 's/[^0-9]//g' value); fi
grep -q good value
-- value --
good
"""
VALUE = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+{}\n"


class Caller:
    """A client of one service, on a connection of its own, and what it may ask about `root`."""

    def __init__(self, address: Address, root: Path, token: str | None) -> None:
        self.address = address
        self.root = root
        self.token = token
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        connector = aiohttp.UnixConnector(address.unix) if address.url is None and address.unix else None
        self.http = aiohttp.ClientSession(address.url or "http://ces", connector=connector, headers=headers)

    def request(self, value: str, **fields: object) -> dict[str, object]:
        return {"diff": VALUE.format(value), "workspace": str(self.root), **fields}

    async def check(self, body: object, **headers: str) -> tuple[int, Any]:
        async with self.http.post("/v1/check", json=body, headers=headers) as response:
            return response.status, await response.json()

    async def lines(self, body: object) -> list[dict[str, Any]]:
        async with self.http.post("/v1/check", json=body) as response:
            assert (response.status, response.content_type) == (200, "application/x-ndjson")
            return [json.loads(line) async for line in response.content]

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first snapshot that is as `wanted`."""
        async with self.http.get("/v1/events") as response:
            assert response.status == 200
            async for line in response.content:
                if line.startswith(b"data: "):
                    snapshot: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                    if wanted(snapshot):
                        return snapshot
        raise AssertionError("the events ended")

    async def busy(self, count: int = 1) -> dict[str, Any]:
        return await self.until(lambda now: sum(each is not None for each in now["workers"]) >= count)

    async def idle(self) -> dict[str, Any]:
        return await self.until(lambda now: not now["waiting"] and not now["in_hand"] and not any(now["workers"]))


MakeService = Callable[..., Awaitable[Service]]
MakeCaller = Callable[..., Caller]


def token_of(address: Address) -> str | None:
    return None if address.token_file is None else Path(address.token_file).read_text().strip()


@pytest.fixture
def root(workspace: Callable[[str], Path]) -> Path:
    return workspace(SCRIPT)


@pytest.fixture
async def service(state_dir: Path) -> AsyncIterator[MakeService]:
    made: list[Service] = []

    async def make(workers: int = 2, **fields: Any) -> Service:
        build = BuildSettings(command=COMMAND)
        bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build)
        judge = JudgeSettings(bases=bases, workers=workers)
        made.append(Service(ServiceSettings(**{"judge": judge, "port": 0, **fields})))
        await made[-1].start()
        return made[-1]

    yield make
    for each in made:
        await each.stop()


@pytest.fixture
async def caller(root: Path) -> AsyncIterator[MakeCaller]:
    made: list[Caller] = []

    def make(served: "Service | Process") -> Caller:
        assert served.address is not None
        made.append(Caller(served.address, root, token_of(served.address)))
        return made[-1]

    yield make
    for each in made:
        await each.http.close()


class Process:
    """A service in a process of its own."""

    def __init__(self, running: asyncio.subprocess.Process, address: Address) -> None:
        self.running = running
        self.address = address


@pytest.fixture
async def process(state_dir: Path) -> AsyncIterator[Callable[..., Awaitable[Process]]]:
    made: list[asyncio.subprocess.Process] = []

    async def make(workers: int = 1, drain_s: float = 60.0, port: int = 0) -> Process:
        arguments = (str(workers), str(drain_s), str(port), str(state_dir), *COMMAND)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        running = await asyncio.create_subprocess_exec(
            sys.executable, str(LAUNCH), *arguments, stdout=asyncio.subprocess.PIPE, env=environment
        )
        made.append(running)
        assert running.stdout is not None
        return Process(running, msgspec.json.decode(await running.stdout.readline(), type=Address))

    yield make
    for each in made:
        with contextlib.suppress(ProcessLookupError):
            each.kill()
        await each.wait()
        each._transport.close()  # type: ignore[attr-defined]
