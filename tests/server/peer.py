"""A client for tests that speaks well or badly: frames, raw bytes, silence, sudden death."""

import asyncio
import itertools
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from aid.framing import Decoder, encode


class Peer:
    """`pending` answers are kept by id, notifications and requests of the server in `heard`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard: list[dict[str, Any]] = []
        self._decoder = Decoder(body_limit_bytes=1 << 30)
        self._found: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    @classmethod
    async def connect(cls, path: Path) -> Self:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def die(self) -> None:
        """Vanish, with what was on its way lost."""
        self.writer.transport.abort()

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, message: Any) -> None:
        self.raw(encode(msgspec.json.encode(message)))

    def ask(self, method: str, params: Any = None, identity: int | str | None = None) -> int | str:
        """Send a request without waiting for its answer; its id."""
        identity = next(self._ids) if identity is None else identity
        message = {"jsonrpc": "2.0", "id": identity, "method": method}
        self.send(message if params is None else message | {"params": params})
        return identity

    def tell(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": {} if params is None else params})

    async def next(self) -> dict[str, Any]:
        """The next message. Raises EOFError when the server closed the connection."""
        while not self._found:
            try:
                piece = await self.reader.read(1 << 20)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise EOFError
            for body in self._decoder.feed(piece):
                assert isinstance(body, bytes), body
                self._found.append(msgspec.json.decode(body))
        return self._found.pop(0)

    async def answer(self, identity: int | str | None) -> dict[str, Any]:
        """The answer to one request; what else comes is kept in `heard`."""
        while True:
            message = await self.next()
            if "method" not in message and message.get("id") == identity:
                return message
            self.heard.append(message)

    async def call(self, method: str, params: Any = None) -> dict[str, Any]:
        return await self.answer(self.ask(method, params))

    async def until(self, method: str) -> dict[str, Any]:
        """The next notification or request of the server by that name."""
        while True:
            message = await self.next()
            if message.get("method") == method:
                return message
            self.heard.append(message)

    async def closed(self) -> None:
        """Wait until the server closes the connection."""
        try:
            while True:
                self.heard.append(await self.next())
        except EOFError:
            return


def prompt(words: str, **more: Any) -> dict[str, Any]:
    return {"workspace": "/w", "prompt": words} | more
