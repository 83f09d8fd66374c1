"""One client's byte stream: message bodies in, message bodies out, within limits.

Whatever a client does, it costs the daemon a bounded amount of memory: a message in the making, and answers that it
is slow to read. Past the limits it is dropped, and nobody else notices. What bodies mean is the connection's matter.
"""

import asyncio
import logging
from typing import Protocol

import msgspec

from aid import framing
from aid.framing import Decoder, Fault

log = logging.getLogger("aid.server")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Per client. `body_s`: from a message's first byte to its last. `unsent_bytes`: answers waiting to be read."""

    header_bytes: int = framing.HEADER_LIMIT_BYTES
    body_bytes: int = framing.BODY_LIMIT_BYTES
    body_s: float = 60.0
    unsent_bytes: int = 16 * 1024 * 1024
    in_flight: int = 1024


class Receiver(Protocol):
    def received(self, body: bytes) -> None: ...

    def faulted(self, fault: Fault) -> None: ...

    def lost(self) -> None:
        """The client is gone. Called once, last."""
        ...


class Wire(asyncio.Protocol):
    """Made per connection by the event loop's unix server."""

    def __init__(self, receiver: Receiver, limits: Limits) -> None:
        self._receiver = receiver
        self._limits = limits
        self._decoder = Decoder(header_limit_bytes=limits.header_bytes, body_limit_bytes=limits.body_bytes)
        self._transport: asyncio.Transport | None = None
        self._overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        found = self._decoder.feed(data)
        self._watch(bool(found))
        for each in found:
            if isinstance(each, Fault):
                self._receiver.faulted(each)
            else:
                self._receiver.received(each)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watch()
        self._transport = None
        self._receiver.lost()

    def send(self, body: bytes) -> None:
        """Queue a message. A client that lets too much pile up is dropped; to one that has gone nothing is sent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        waiting_bytes = transport.get_write_buffer_size()
        if waiting_bytes and waiting_bytes + len(body) > self._limits.unsent_bytes:
            log.warning("dropped a client that does not read", extra={"unsent_bytes": waiting_bytes})
            transport.abort()
            return
        transport.write(framing.encode(body))

    def pause(self) -> None:
        """Read nothing more from the client for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close once what was queued is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def _watch(self, ended_one: bool) -> None:
        """Keep a timer running while a message is in the making."""
        if ended_one or not self._decoder.partial:
            self._stop_watch()
        if self._decoder.partial and self._overdue is None:
            self._overdue = asyncio.get_running_loop().call_later(self._limits.body_s, self._give_up)

    def _stop_watch(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        self._overdue = None
        self._receiver.faulted(Fault(f"the message was not complete after {self._limits.body_s:g} s", fatal=True))
