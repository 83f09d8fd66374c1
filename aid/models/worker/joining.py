"""Requests that differ in nothing but their seed, and come together, become one with several candidates.

llama.cpp's server works through a prompt once for all candidates of one request, but once for each of several requests.
Four candidates of a 1,500-token prompt take 9 s joined and 19 to 28 s apart on two cores.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec.structs import replace

from aid.errors import ModelError
from aid.models.worker.engine import ChatRequest, Piece

JOIN_S = 0.005

Ask = Callable[[ChatRequest], AsyncGenerator[Piece, None]]


class Joining:
    """Puts requests together before `ask`, at most `most` candidates in one, and takes their pieces apart again.

    A candidate whose asker left is decoded on, unheard, while others of its group are: it can't be stopped alone.
    """

    def __init__(self, ask: Ask, most: int) -> None:
        self._ask = ask
        self._most = most
        self._open: dict[ChatRequest, _Group] = {}
        self._running: set[_Group] = set()

    async def generate(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        alike = replace(request, seed=None, n=1, stream=False, stream_options=None)
        group = self._open.get(alike)
        if group is None or not group.takes(request, self._most):
            group = _Group(request, seeded=request.seed is not None)
            self._open[alike] = group
            self._running.add(group)
            group.task = asyncio.create_task(self._run(alike, group))
        member = group.join(request)
        try:
            while True:
                found = await member.pieces.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
                member.unfinished -= found.finish is not None
                if not member.unfinished:
                    return
        finally:
            group.members.remove(member)
            if not group.members and group.task is not None:
                if self._open.get(alike) is group:
                    del self._open[alike]
                group.task.cancel()
                await asyncio.gather(group.task, return_exceptions=True)

    async def close(self) -> None:
        tasks = [group.task for group in self._running if group.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, alike: ChatRequest, group: "_Group") -> None:
        try:
            await asyncio.sleep(JOIN_S)
            if self._open.get(alike) is group:
                del self._open[alike]
            async with aclosing(self._ask(replace(group.first, n=group.candidates))) as pieces:
                async for piece in pieces:
                    group.deliver(piece)
            group.fail(ModelError("the engine ended before its answer did: see the worker's log", retryable=True))
        except asyncio.CancelledError:
            group.fail(ModelError("the model worker is stopping", retryable=True))
            raise
        except Exception as error:
            # The askers get it: each raises it in its own request.
            group.fail(error)
        finally:
            self._running.discard(group)


class _Member:
    def __init__(self, first: int, candidates: int) -> None:
        self.first = first
        self.candidates = candidates
        self.unfinished = candidates
        self.pieces: asyncio.Queue[Piece | BaseException] = asyncio.Queue()


class _Group:
    def __init__(self, first: ChatRequest, *, seeded: bool) -> None:
        self.first = first
        self.candidates = 0
        self.members: list[_Member] = []
        self.task: asyncio.Task[None] | None = None
        self._next_seed = first.seed if seeded else None

    def takes(self, request: ChatRequest, most: int) -> bool:
        """The i-th candidate is sampled with seed + i, so seeds join only in that order."""
        return request.seed == self._next_seed and self.candidates + request.n <= most

    def join(self, request: ChatRequest) -> _Member:
        member = _Member(self.candidates, request.n)
        self.members.append(member)
        self.candidates += request.n
        if self._next_seed is not None:
            self._next_seed += request.n
        return member

    def deliver(self, piece: Piece) -> None:
        for member in self.members:
            if 0 <= piece.index - member.first < member.candidates:
                member.pieces.put_nowait(replace(piece, index=piece.index - member.first))

    def fail(self, error: BaseException) -> None:
        for member in self.members:
            member.pieces.put_nowait(error)
