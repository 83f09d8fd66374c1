"""Whose turn it is on a workspace's views. Knows nothing of views."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """Who may use a workspace's views: any number of proposals up to a limit and of readers, or one build of the base.

    A base build that waits goes before what comes later, so that it isn't starved.
    """

    def __init__(self, side_by_side: int) -> None:
        self._limit = side_by_side
        self._proposals = 0
        self._readers = 0
        self._base = False
        self._waiting = 0
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def base(self) -> AsyncIterator[None]:
        async with self._changed:
            self._waiting += 1
            try:
                await self._changed.wait_for(lambda: not self._base and not self._proposals and not self._readers)
            finally:
                self._waiting -= 1
                self._changed.notify_all()  # a proposal may have waited for this one alone
            self._base = True
        try:
            yield
        finally:
            self._base = False
            await self._tell()

    @contextlib.asynccontextmanager
    async def proposal(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._base and not self._waiting and self._proposals < self._limit)
            self._proposals += 1
        try:
            yield
        finally:
            self._proposals -= 1
            await self._tell()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Only no build of the base may run meanwhile: no proposal waits for this."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._base and not self._waiting)
            self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
