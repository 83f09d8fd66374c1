"""Waiting for what must not be left half done: the reaping of a killed process, a thread, a clean-up."""

import asyncio
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
    return await wait_out(asyncio.ensure_future(asyncio.to_thread(function)))
