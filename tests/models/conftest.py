"""Real servers on loopback: one that plays recordings, one that answers exact bytes."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from aid.models.recording import Recording, Recordings
from aid.models.replay_server import ReplayServer

Serve = Callable[..., Awaitable[ReplayServer]]
ServeRaw = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path leaves room for a socket's name."""
    path = Path(tempfile.mkdtemp(prefix="aid"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(Recording(…), …)`: a running ReplayServer."""
    async with AsyncExitStack() as stack:

        async def start(*lines: Recording, **options: Any) -> ReplayServer:
            return await stack.enter_async_context(ReplayServer(Recordings(lines), **options))

        yield start


@pytest.fixture
async def serve_raw() -> AsyncIterator[ServeRaw]:
    """`await serve_raw(b"HTTP/1.1 …")`: the base_url of a server that answers those bytes and closes.

    Given several, each connection gets the next, the last one for good. None holds the connection open, silent.
    """
    ended = asyncio.Event()
    async with AsyncExitStack() as stack:

        async def start(*answers: bytes | None) -> str:
            left = list(answers)

            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                reply = left.pop(0) if len(left) > 1 else left[0]
                if reply is None:
                    await ended.wait()
                else:
                    writer.write(reply)
                    await writer.drain()
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            stack.callback(ended.set)
            stack.push_async_exit(server)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

        yield start
