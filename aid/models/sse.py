"""Server-sent events: from a body's bytes, cut anywhere, to events. Pure: no I/O, no waiting.

Follows the WHATWG HTML standard, section 9.2.6 ("Interpreting an event stream"), with one leniency: `close` hands out
an event whose final blank line is missing, since servers forget it.
"""

import msgspec

MAX_EVENT_BYTES = 16 * 1024 * 1024


class Event(msgspec.Struct, frozen=True):
    """`name` is "message" where the stream names none. `data` are the data lines joined by newlines."""

    data: str
    name: str = "message"


class Malformed(ValueError):
    """The bytes can't be an event stream."""


class Parser:
    """Feed it bytes as they come; it answers the events they complete."""

    def __init__(self, limit_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._rest = b""
        self._at_start = True
        self._data: list[str] = []
        self._name = ""

    def feed(self, piece: bytes) -> list[Event]:
        """The events completed by `piece`. Raises Malformed for text that isn't UTF-8 or an endless line."""
        self._rest += piece
        if self._at_start and len(self._rest) >= 3:
            self._rest = self._rest.removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        if len(self._rest) > self._limit_bytes:
            raise Malformed(f"a line of more than {self._limit_bytes} bytes")
        lines = self._rest.splitlines(keepends=True) if self._rest else []
        # A CR at the very end may be half of a CRLF, and bytes.splitlines knows only CR, LF and CRLF.
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        return [event for line in lines if (event := self._line(line.rstrip(b"\r\n"))) is not None]

    def close(self) -> list[Event]:
        """What was still open when the body ended."""
        rest, self._rest = self._rest.rstrip(b"\r"), b""
        found = [self._line(rest) if rest else None, self._line(b"")]
        return [event for event in found if event is not None]

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(b":"):
            return None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            try:
                self._data.append(value.decode())
            except UnicodeDecodeError as error:
                raise Malformed("text that isn't UTF-8") from error
        elif field == b"event":
            self._name = value.decode(errors="replace")
        return None

    def _dispatch(self) -> Event | None:
        event = Event("\n".join(self._data), self._name or "message") if self._data else None
        self._data, self._name = [], ""
        return event
