"""`aid connect`: an editor's standard input and output, pumped to the daemon's socket and back.

Carries bytes; of the protocol it knows only the sight of an `exit`. Imports next to nothing, since every editor keeps
one running.
"""

import os
import socket
import sys
import threading
from contextlib import suppress

from aid import lifecycle

_PIECE_BYTES = 64 * 1024
_EXIT = b'"exit"'  # in a document's text the quotes would be escaped


def run(stdin: int = 0, stdout: int = 1) -> int:
    """Pump until either end closes. Exit status 0 when the editor ended it (by `exit` or by closing), else 1.

    Raises DaemonError when there is no daemon and none can be started.
    """
    link = lifecycle.connect_or_start()
    editor_ended = threading.Event()
    # A daemon thread: it may hang in read() while the daemon has gone, and must not keep this process alive.
    threading.Thread(target=_from_editor, args=(stdin, link, editor_ended), daemon=True).start()
    _to_editor(link, stdout)
    link.close()
    return 0 if editor_ended.is_set() else 1


def _from_editor(stdin: int, link: socket.socket, ended: threading.Event) -> None:
    with suppress(OSError):
        before = b""
        while piece := os.read(stdin, _PIECE_BYTES):
            if _EXIT in before + piece:
                ended.set()  # before it is sent: the daemon closes in answer to it
            before = piece[-len(_EXIT) :]
            link.sendall(piece)
        ended.set()
        link.shutdown(socket.SHUT_WR)


def _to_editor(link: socket.socket, stdout: int) -> None:
    with suppress(OSError):
        while piece := link.recv(_PIECE_BYTES):
            _write(stdout, piece)


def _write(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.exit(run())
