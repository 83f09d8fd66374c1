"""`aid connect` while the daemon is there. What it does when it isn't: test_bridge_daemons.py."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType

import pytest_asyncio

from aid import lifecycle
from aid.framing import encode

AID = str(Path(sys.executable).with_name("aid"))

Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


@pytest_asyncio.fixture(loop_scope="function")
async def bridge(environment: dict[str, str]) -> AsyncIterator[Start]:
    """Starts `aid connect`, and ends any daemon that it started."""

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            AID, "connect", env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )

    yield start
    owner = lifecycle.holder()
    if owner is not None and owner.pid:
        lifecycle.end(owner.pid, 5.0)


async def ask(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stdin is not None and process.stdout is not None
    params = {"workspace": "/w", "prompt": words}
    message = {"jsonrpc": "2.0", "id": 1, "method": "aid/prompt", "params": params}
    process.stdin.write(encode(json.dumps(message).encode()))
    header = await process.stdout.readuntil(b"\r\n\r\n")
    body = await process.stdout.readexactly(int(header.split()[1]))
    return str(json.loads(body)["result"]["text"])


async def closed(process: asyncio.subprocess.Process) -> int:
    assert process.stdin is not None
    process.stdin.close()
    await process.stdin.wait_closed()
    return await process.wait()


async def test_carries_both_ways_and_ends_with_the_editor(fake_daemon: int, bridge: Start) -> None:
    process = await bridge()
    assert await ask(process, "echo é😋") == "é😋"
    assert await closed(process) == 0


async def test_carries_large_messages(fake_daemon: int, bridge: Start) -> None:
    process = await bridge()
    words = "x" * 5_000_000
    assert await ask(process, f"echo {words}") == words
    assert await closed(process) == 0


async def test_starts_the_daemon_when_there_is_none(bridge: Start) -> None:
    process = await bridge()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(encode(b'{"jsonrpc":"2.0","id":1,"method":"aid/status"}'))
    assert await process.stdout.readuntil(b"\r\n\r\n")
    owner = lifecycle.holder()
    assert owner is not None and owner.pid
    assert await closed(process) == 0
    assert not lifecycle.wait_ended(owner.pid, 0.0), "the daemon stays when the editor goes"


async def test_exit_is_the_editors_end(fake_daemon: int, bridge: Start) -> None:
    process = await bridge()
    assert process.stdin is not None
    process.stdin.write(encode(b'{"jsonrpc":"2.0","method":"exit"}'))
    assert await process.wait() == 0
    await closed(process)


async def test_an_editor_that_is_killed_stops_its_requests(
    fake_daemon: int, bridge: Start, private: Path, peers: ModuleType
) -> None:
    process = await bridge()
    assert process.stdin is not None and process.stdout is not None
    params = {"workspace": "/w", "prompt": "wait for ever"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "aid/prompt", "params": params}
    process.stdin.write(encode(json.dumps(message).encode()))
    assert await process.stdout.readuntil(b"\r\n\r\n"), "its first update: it runs"
    process.kill()
    await closed(process)
    async with await peers.Peer.connect(private / "runtime" / "aid" / "aid.sock") as peer:
        # The daemon saw the bridge's end before this connection was accepted, or sees it before the answer after next.
        counts = [(await peer.call("aid/status"))["result"]["requests_running"] for _ in range(3)]
    assert counts[-1] == 0
