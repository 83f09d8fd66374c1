"""When to ask a server again: capped, with full jitter, and never once a part of the answer was handed on.

Full jitter is "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): a uniform draw from nought to the
exponential bound, so that clients a server turned away together don't come back together.
"""

import asyncio
import email.utils
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC

import msgspec

from aid.errors import ModelError
from aid.models.backend import Chunk

RETRYABLE_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


class ServerError(ModelError):
    """A server failed or refused. `status` None: it never answered. `said` is its own words, redacted and short."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        timed_out: bool = False,
        status: int | None = None,
        retry_after_s: float | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, retryable=retryable, timed_out=timed_out)
        self.status = status
        self.retry_after_s = retry_after_s
        self.said = said

    @property
    def kind(self) -> str:
        """With the status, where that is the failure; an answer that was cut off had begun with 200."""
        return super().kind if self.status in (None, 200) else f"{super().kind} {self.status}"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`retries` beyond the first try; the n-th waits up to min(cap_s, base_s * 2**(n-1)) s, or what the server says."""

    retries: int = 3
    base_s: float = 0.5
    cap_s: float = 8.0

    def wait_s(self, tried: int, error: ModelError, draw: Callable[[], float]) -> float | None:
        """Seconds before try number `tried` + 1 (None: give up). `draw` is uniform in [0, 1)."""
        if not error.retryable or tried > self.retries:
            return None
        after_s = error.retry_after_s if isinstance(error, ServerError) else None
        jitter_s = draw() * min(self.cap_s, self.base_s * 2.0 ** (tried - 1))
        return jitter_s if after_s is None else after_s + jitter_s * 0.25


async def retrying(
    attempt: Callable[[float], AsyncGenerator[Chunk, None]],
    policy: Policy,
    total_s: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    draw: Callable[[], float] = random.random,
) -> AsyncGenerator[Chunk, None]:
    """The chunks of the first attempt that yields any. Each attempt is given the seconds left of `total_s`.

    Raises the last attempt's ModelError, at once where the wait the server asks for is longer than what is left.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + total_s
    tried = 0
    while True:
        tried += 1
        begun = False
        try:
            async with aclosing(attempt(ends - loop.time())) as chunks:
                async for chunk in chunks:
                    begun = True
                    yield chunk
            return
        except ModelError as error:
            wait_s = None if begun else policy.wait_s(tried, error, draw)
            if wait_s is None or wait_s >= ends - loop.time():
                if tried > 1:
                    error.args = (f"{error} (tried {tried} times)",)
                error.gave_up = not begun
                raise
        await sleep(wait_s)


def retry_after_s(value: str | None, now: float | None = None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None where it says nothing usable."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, at.timestamp() - (time.time() if now is None else now))
