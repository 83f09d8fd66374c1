"""Work that blocks, out of the event loop's way."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_its_end(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a job that blocks to its end, even when nobody waits for it any more: what is written must be written down."""
    return await whole(asyncio.to_thread(job, *args, **kwargs))


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Do it to its end, even when nobody waits for it any more.

    Who is cancelled meanwhile ends when the work has: what comes next, under the same lock, finds it done.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
