"""Bytes between an editor's pipes and the daemon's socket; one thread, which waits for nothing but all of them.

Neither side is read while the other has much to read still, so that memory is bounded as it is with a plain pipe.
"""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aid.bridge.conversation import Conversation
from aid.bridge.link import Link
from aid.framing import Decoder, Fault, encode

PIECE_BYTES = 64 * 1024
UNREAD_BYTES = 1024 * 1024


def run(stdin: int = 0, stdout: int = 1) -> int:
    """Carry messages until the editor ends it. Exit status 0, or 1 for an editor that left without saying so."""
    with _nonblocking(stdout):
        return Pump(stdin, stdout).run()


class Pump:
    def __init__(self, stdin: int, stdout: int) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._unread = bytearray()  # by the editor
        self._unsent = bytearray()  # to the daemon
        self._from_editor = Decoder()
        self._from_daemon = Decoder()
        self._editor_ended = False
        self._editor_gone = False
        session = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._conversation = Conversation(session, self._to_editor, self._to_daemon)
        self._link = Link(self._conversation)

    def run(self) -> int:
        try:
            while not self._over():
                timeout_s = self._link.look()
                for descriptor, events in self._wait(timeout_s):
                    self._serve(descriptor, events)
        finally:
            self._link.close()
        return self._conversation.exit_code

    def _over(self) -> bool:
        if self._editor_gone:
            return True
        ended = self._editor_ended or self._conversation.exiting
        return ended and not self._unread and (self._link.socket is None or not self._unsent)

    def _wait(self, timeout_s: float | None) -> list[tuple[int, int]]:
        poll = select.poll()
        if not self._editor_ended and len(self._unsent) < UNREAD_BYTES:
            poll.register(self._stdin, select.POLLIN)
        poll.register(self._stdout, select.POLLOUT if self._unread else 0)
        poll.register(self._link.ready, select.POLLIN)
        if self._link.socket is not None:
            reading = select.POLLIN if len(self._unread) < UNREAD_BYTES else 0
            poll.register(self._link.socket, reading | (select.POLLOUT if self._unsent else 0))
        return poll.poll(None if timeout_s is None else timeout_s * 1000 + 1)

    def _serve(self, descriptor: int, events: int) -> None:
        link = self._link.socket
        if descriptor == self._stdin:
            self._read_editor()
        elif descriptor == self._stdout:
            self._write_editor(events)
        elif descriptor == self._link.ready:
            self._from_daemon = Decoder()
            self._unsent.clear()
            self._link.take()
        elif link is not None and descriptor == link.fileno():
            if events & ~select.POLLOUT:
                self._read_daemon()
            if self._link.socket is link and self._unsent:
                self._write_daemon()

    def _read_editor(self) -> None:
        piece = b""
        with suppress(OSError):
            piece = os.read(self._stdin, PIECE_BYTES)
        if not piece:
            self._editor_ended = True
        for found in self._from_editor.feed(piece):
            if isinstance(found, Fault):
                self._conversation.faulted(found)
                self._editor_ended = self._editor_ended or found.fatal
            else:
                self._conversation.from_editor(found)

    def _read_daemon(self) -> None:
        assert self._link.socket is not None
        piece = b""
        try:
            piece = self._link.socket.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            pass
        for found in self._from_daemon.feed(piece):
            if isinstance(found, bytes):
                self._conversation.from_daemon(found)
        self._conversation.settle()
        if not piece or self._conversation.refused:
            self._lost()
        elif self._conversation.here:
            self._link.attached()

    def _write_daemon(self) -> None:
        assert self._link.socket is not None
        try:
            sent = self._link.socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()  # what it still said is read before its end is noticed
            return
        del self._unsent[:sent]

    def _lost(self) -> None:
        self._unsent.clear()
        self._conversation.lost()
        self._link.lost()

    def _write_editor(self, events: int) -> None:
        if self._unread:
            try:
                sent = os.write(self._stdout, self._unread)
            except BlockingIOError:
                return
            except OSError:
                self._editor_gone = True
                return
            del self._unread[:sent]
        elif events & (select.POLLERR | select.POLLHUP):
            self._editor_gone = True

    def _to_editor(self, body: bytes) -> None:
        self._unread += encode(body)

    def _to_daemon(self, body: bytes) -> None:
        self._unsent += encode(body)


@contextmanager
def _nonblocking(descriptor: int) -> Iterator[None]:
    """The editor may be slow to read. As it was afterwards: a terminal is shared with whoever started this."""
    before = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    try:
        yield
    finally:
        with suppress(OSError):
            os.set_blocking(descriptor, before)
