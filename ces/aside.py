"""An event loop in a thread of its own, for work that computes between its awaits: the main loop is for editors.

It shares the interpreter, so the main loop may wait for it as long as a thread's turn is, a few milliseconds.
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ces.waiting import wait_out

T = TypeVar("T")


class Aside:
    """Runs from the start; `close` ends the thread, once nothing runs there any more."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        await asyncio.to_thread(self._thread.join)
        self.loop.close()


async def across(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run on another running loop. Cancelled, it cancels that and waits for its end."""
    here = asyncio.get_running_loop()
    ended: asyncio.Future[T] = here.create_future()
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(work))
        tasks[0].add_done_callback(lambda task: here.call_soon_threadsafe(_hand_over, task, ended))

    loop.call_soon_threadsafe(begin)
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        loop.call_soon_threadsafe(_cancel, tasks)
        await wait_out(asyncio.gather(ended, return_exceptions=True))
        raise


def _cancel(tasks: Sequence[asyncio.Task[T]]) -> None:
    for task in tasks:
        task.cancel()


def _hand_over(task: asyncio.Task[T], ended: asyncio.Future[T]) -> None:
    if task.cancelled():
        ended.cancel()
        return
    error = task.exception()
    if error is not None:
        ended.set_exception(error)
    else:
        ended.set_result(task.result())
