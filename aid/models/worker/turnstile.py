"""Who may be inside at once: a `Turnstile` for what is sometimes changed, a `Room` for what has a size.

Both are first come, first served, and used from one event loop.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turnstile:
    """Many pass at once; to change what they pass through, it is closed, which waits until all are out.

    Whoever wants to pass while it is being closed waits: a stream of requests can't keep it open for ever.
    """

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


class Room:
    """`size` of something, shared out. Who wants more than all of it gets all of it, alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._door = asyncio.Lock()
        self._given_back = asyncio.Event()

    @asynccontextmanager
    async def taking(self, amount: int) -> AsyncIterator[None]:
        amount = min(amount, self._size)
        async with self._door:
            while self._taken + amount > self._size:
                self._given_back.clear()
                await self._given_back.wait()
            self._taken += amount
        try:
            yield
        finally:
            self._taken -= amount
            self._given_back.set()
