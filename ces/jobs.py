"""Work that several may want at once, and answers worth keeping. Knows nothing of builds."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Memory(Generic[T]):
    """The last so many answers."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: str, answer: T) -> None:
        self._kept[key] = answer
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


class _Job(msgspec.Struct):
    task: "asyncio.Task[Any]"
    callers: int = 0


class Jobs:
    """Work that several callers may wait for: run once, and cancelled when the last of them leaves (unless lasting)."""

    def __init__(self) -> None:
        self._running: dict[str, _Job] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def join(self, key: str, work: Callable[[], Coroutine[Any, Any, T]], *, lasting: bool = False) -> T:
        job = self._running.get(key)
        if job is None:
            job = self._running[key] = _Job(self.start(work()))
            job.task.add_done_callback(lambda _: self._forget(key, job))
        job.callers += 1
        try:
            answer: T = await asyncio.shield(job.task)
            return answer
        finally:
            job.callers -= 1
            if job.callers == 0 and not lasting and not job.task.done():
                self._forget(key, job)
                job.task.cancel()

    def _forget(self, key: str, job: _Job) -> None:
        if self._running.get(key) is job:  # another may have been started under the same name
            del self._running[key]

    async def settled(self) -> None:
        """Wait until nothing runs, what is started meanwhile included."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
