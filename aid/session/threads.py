"""Work that blocks, out of the event loop's way."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_its_end(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a job that blocks to its end, even when nobody waits for it any more: what is written must be written down.

    Who is cancelled meanwhile ends when the job has: what comes next, under the same lock, finds it written.
    """
    working = asyncio.ensure_future(asyncio.to_thread(job, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
