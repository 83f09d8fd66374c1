"""Standard input and output as lines for an event loop: one message a line.

A thread for each direction, because either may be a file or a terminal, which an event loop can't wait for.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

LINE_LIMIT_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_FLUSH_S = 2.0  # who has not read it by then does not read


class Lines:
    """Bytes in pieces to whole lines. Pure."""

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._begun = bytearray()
        self._skipping = False

    def feed(self, piece: bytes) -> list[bytes | None]:
        """The lines that are complete now, in order, blank ones left out. None: one over the limit, told once."""
        found: list[bytes | None] = []
        *ends, rest = piece.split(b"\n")
        for end in ends:
            line = bytes(self._begun + end)
            self._begun.clear()
            if not self._skipping and len(line) > self._limit_bytes:
                found.append(None)
            elif not self._skipping and line.strip():
                found.append(line)
            self._skipping = False
        if not self._skipping:
            self._begun += rest
        if len(self._begun) > self._limit_bytes:
            self._begun.clear()
            self._skipping = True
            found.append(None)
        return found

    def end(self) -> list[bytes | None]:
        """The last line, where nothing ends it."""
        return self.feed(b"\n")


def start_reading(descriptor: int, line: Callable[[bytes | None], None], ended: Callable[[], None]) -> None:
    """Call `line` in the running loop with each line of `descriptor` (see Lines.feed), `ended` at its end."""
    loop = asyncio.get_running_loop()
    lines = Lines()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            try:
                while piece := os.read(descriptor, _PIECE_BYTES):
                    for each in lines.feed(piece):
                        loop.call_soon_threadsafe(line, each)
                for each in lines.end():
                    loop.call_soon_threadsafe(line, each)
            finally:
                loop.call_soon_threadsafe(ended)

    # A daemon thread: it may hang in read() when the process is to end.
    threading.Thread(target=read, daemon=True).start()


class Writer:
    """Lines to a descriptor, in order, without ever waiting in the loop. `broken` is called in it when nobody reads."""

    def __init__(self, descriptor: int, broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def send(self, body: bytes) -> None:
        """`body` must have no line feed in it; JSON as msgspec writes it has none."""
        self._waiting.put(body + b"\n")

    async def close(self) -> None:
        """Write what is waiting, if it is read, then stop."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join, _FLUSH_S)

    def _write(self) -> None:
        try:
            while (line := self._waiting.get()) is not None:
                view = memoryview(line)
                while view:
                    view = view[os.write(self._descriptor, view) :]
        except OSError:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._broken)
