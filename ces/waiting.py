"""Waiting for what must not be left half done: the reaping of a killed process, a thread, a clean-up."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def wait_out(work: "asyncio.Future[T]") -> T:
    """The result of `work`, waited for however often the caller is cancelled meanwhile; then Cancelled is raised.

    Only for work that ends soon by itself.
    """
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not work.cancelled():
            work.exception()  # seen: no one else will ask
        raise cancelled
    return work.result()


async def in_thread(function: Callable[[], T]) -> T:
    """Run `function` in a thread and wait for its end even when cancelled: a thread can't be stopped halfway."""
    context = contextvars.copy_context()  # as asyncio.to_thread does, without a task that waits for the thread
    return await wait_out(asyncio.get_running_loop().run_in_executor(None, context.run, function))
