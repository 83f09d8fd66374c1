"""What the service and the process that is in the cluster say to each other: frames of msgpack on a socket pair. Data.

The settings come first, pickled, from the service to a process that it started itself.
"""

import asyncio
import struct

import msgspec

from ces.bases import BaseRecord
from ces.cluster.metrics import Count
from ces.judge import AuditCount, Running
from ces.verdict import Verdict

_SIZE = struct.Struct(">I")


class Check(msgspec.Struct, frozen=True, tag=True):
    """`request` is a CheckRequest in msgpack."""

    number: int
    request: bytes


class Cancel(msgspec.Struct, frozen=True, tag=True):
    number: int


class Queued(msgspec.Struct, frozen=True, tag=True):
    """How many requests wait in the service."""

    count: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """It is in the cluster."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It could not join, and ends."""

    reason: str


class Answer(msgspec.Struct, frozen=True, tag=True):
    """`bad`: why the request can't be meant, in place of a verdict."""

    number: int
    verdict: Verdict | None = None
    bad: str = ""


class State(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The cluster now. `slots` is how many requests there is room for."""

    slots: int = 1
    at_work: tuple[Running | None, ...] = ()
    audits: AuditCount = AuditCount()
    bases: tuple[BaseRecord, ...] = ()
    count: Count = Count(in_flight={}, workers={}, waiting=0, retries=0, lost=0, wanted=0)


Told = Check | Cancel | Queued
Said = Ready | Failed | Answer | State


def framed(frame: Told | Said) -> bytes:
    body = msgspec.msgpack.encode(frame)
    return _SIZE.pack(len(body)) + body


async def body(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame's, None when the other side is gone."""
    try:
        (size,) = _SIZE.unpack(await reader.readexactly(_SIZE.size))
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
