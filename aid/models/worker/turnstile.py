"""Many pass at once; to change what they pass through, it is closed, which waits until all are out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turnstile:
    """Whoever wants to pass while it is being closed waits: a stream of requests can't keep it open for ever."""

    def __init__(self) -> None:
        self._inside = 0
        self._door = asyncio.Lock()
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        async with self._door:
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        async with self._door:
            await self._empty.wait()
            yield
