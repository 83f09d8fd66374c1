"""Work that blocks, out of the event loop's way."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_its_end(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a job that blocks to its end, even when nobody waits for it any more: what is written must be written down."""
    return await asyncio.shield(asyncio.to_thread(job, *args, **kwargs))
