"""LSP base protocol framing, without I/O: bytes in, message bodies out, and bodies into frames.

A decoder never holds more than its limits, whatever is fed to it, and never raises: what can't be read comes back
as a `Fault`. Source: LSP 3.17, "Base Protocol".
"""

import re
from typing import NamedTuple

HEADER_LIMIT_BYTES = 8 * 1024
BODY_LIMIT_BYTES = 64 * 1024 * 1024

_END = b"\r\n\r\n"
# A header block as far as it has come: whole lines, then perhaps the start of one.
_HEADER_SO_FAR = re.compile(rb"(?:[A-Za-z-]+:[\x20-\x7e\t]*\r\n)*(?:[A-Za-z-]+(?::[\x20-\x7e\t]*\r?)?|\r)?")
_LENGTH = re.compile(rb"(?:^|\r\n)content-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n|$)", re.IGNORECASE)


class Fault(NamedTuple):
    """What could not be read. `fatal`: where the next message begins is unknown, so the stream is useless from here."""

    reason: str
    fatal: bool


def encode(body: bytes) -> bytes:
    """`body` with its header, ready to be sent."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Decoder:
    """One direction of one connection."""

    def __init__(
        self, *, header_limit_bytes: int = HEADER_LIMIT_BYTES, body_limit_bytes: int = BODY_LIMIT_BYTES
    ) -> None:
        self._header_limit_bytes = header_limit_bytes
        self._body_limit_bytes = body_limit_bytes
        self._buffer = bytearray()
        self._body_bytes: int | None = None
        self._skip_bytes = 0
        self._dead = False

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return not self._dead and (bool(self._buffer) or self._body_bytes is not None or self._skip_bytes > 0)

    def feed(self, chunk: bytes) -> list[bytes | Fault]:
        """The message bodies that `chunk` completes, in order, and the faults between them.

        A body over the limit is a Fault at once and is passed over as it comes; what follows it is read again. After
        a fatal Fault everything is ignored.
        """
        found: list[bytes | Fault] = []
        if not self._dead:
            self._buffer += chunk
        while not self._dead:
            step = self._skip() if self._skip_bytes else self._header() if self._body_bytes is None else self._body()
            if step is None:
                break
            if step:
                found.append(step)
        return found

    def _skip(self) -> tuple[()] | None:
        passed = min(self._skip_bytes, len(self._buffer))
        del self._buffer[:passed]
        self._skip_bytes -= passed
        return None if self._skip_bytes else ()

    def _header(self) -> Fault | tuple[()] | None:
        end = self._buffer.find(_END, 0, self._header_limit_bytes)
        so_far = self._buffer[: self._header_limit_bytes] if end < 0 else self._buffer[: end + 2]
        if not _HEADER_SO_FAR.fullmatch(so_far):
            return self._die(f"expected a header 'Content-Length: N', found {bytes(so_far[:40])!r}")
        if end < 0:
            if len(self._buffer) >= self._header_limit_bytes:
                return self._die(f"the header is longer than {self._header_limit_bytes} bytes")
            return None
        lengths = _LENGTH.findall(self._buffer[:end])
        if len(lengths) != 1:
            return self._die(f"expected one Content-Length, found {bytes(so_far[:80])!r}")
        del self._buffer[: end + len(_END)]
        size_bytes = int(lengths[0])
        if size_bytes > self._body_limit_bytes:
            self._skip_bytes = size_bytes
            return Fault(f"a message of {size_bytes} bytes is over the limit of {self._body_limit_bytes}", fatal=False)
        self._body_bytes = size_bytes
        return ()

    def _body(self) -> bytes | Fault | tuple[()] | None:
        size_bytes = self._body_bytes or 0
        if len(self._buffer) < size_bytes:
            return None
        with memoryview(self._buffer) as whole:
            body = bytes(whole[:size_bytes])
        del self._buffer[:size_bytes]
        self._body_bytes = None
        return body or Fault("a message without a body", fatal=False)

    def _die(self, reason: str) -> Fault:
        self._dead = True
        self._buffer.clear()
        return Fault(reason, fatal=True)
