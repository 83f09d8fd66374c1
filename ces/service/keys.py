"""Requests by the key their sender gave them: the same again is not run again, another under its name is refused.

Knows nothing of what the work is. Works that are under way are kept until they end, answers for a while and within a
bound on their size.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from ces.request import CheckRequest

W = TypeVar("W")

ANSWERS = 50_000
ANSWER_BYTES = 64 << 20


class Conflict(msgspec.Struct, frozen=True):
    """`key` was given to another request."""

    key: str


class _Known(msgspec.Struct, Generic[W]):
    digest: bytes
    work: W | None
    answer: bytes | None = None
    until: float = 0.0


class Keys(Generic[W]):
    def __init__(self, remember_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._remember_s = remember_s
        self._clock = clock
        self._running: dict[str, _Known[W]] = {}
        self._ended: OrderedDict[str, _Known[W]] = OrderedDict()
        self._bytes = 0

    def find(self, key: str, digest: bytes) -> "W | bytes | Conflict | None":
        """The work under way, its answer, or None for a key that is new."""
        self._trim()
        known = self._running.get(key) or self._ended.get(key)
        if known is None:
            return None
        if known.digest != digest:
            return Conflict(key)
        return known.work if known.answer is None else known.answer

    def begin(self, key: str, digest: bytes, work: W) -> None:
        self._running[key] = _Known(digest, work)

    def end(self, key: str, work: W, answer: bytes | None) -> None:
        """`work` is over; None: without an answer worth keeping, so the next to ask makes a new one."""
        known = self._running.get(key)
        if known is None or known.work is not work:
            return
        del self._running[key]
        if answer is not None:
            known.work, known.answer, known.until = None, answer, self._clock() + self._remember_s
            self._ended[key] = known
            self._bytes += len(answer)
            self._trim()

    def _trim(self) -> None:
        while self._ended:
            known = next(iter(self._ended.values()))
            if known.until > self._clock() and len(self._ended) <= ANSWERS and self._bytes <= ANSWER_BYTES:
                return
            self._ended.popitem(last=False)
            self._bytes -= len(known.answer or b"")


def digest(request: CheckRequest) -> bytes:
    """What `request` asks, whatever its key."""
    return hashlib.blake2b(msgspec.msgpack.encode(msgspec.structs.replace(request, key=None)), digest_size=16).digest()
