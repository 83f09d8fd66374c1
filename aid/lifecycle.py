"""Finding, starting and outliving the daemon: its socket, its lock, its pid. No protocol, no asyncio.

    <runtime>/aid.sock    where it listens
    <runtime>/aid.lock    held (flock) for the daemon's life; says who holds it. Unheld, its text means nothing
    <runtime>/aid.start   held by whoever is starting one, so that however many start at once, one is started

A socket file without a daemon behind it, or a pid in a lock file that nobody holds, is stale and simply replaced:
only the lock decides who the daemon is.
"""

import fcntl
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TextIO

from aid import paths
from aid.errors import DaemonError

NAME = "aid"
START_TIMEOUT_S = 30.0
ENDING_S = 10.0  # a daemon that is told to end for another has nothing to wait for
_POLL_S = 0.005
BACKLOG = 1024
CONNECT_TIMEOUT_S = 5
READY = "ready"
WARM = "warm"


class Holder(NamedTuple):
    """The process that is the daemon."""

    pid: int
    protocol: int
    version: str


def connect() -> socket.socket | None:
    """A connection to the daemon, or None when none listens (no socket, or a stale one)."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Not settimeout(): a connect that may not block fails at once when many others are waiting to be accepted.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", CONNECT_TIMEOUT_S, 0))
    try:
        link.connect(str(paths.socket_path(NAME)))
    except (FileNotFoundError, ConnectionRefusedError):
        link.close()
        return None
    except OSError as error:
        link.close()
        told = "it does not answer" if isinstance(error, BlockingIOError) else error.strerror or str(error)
        raise DaemonError(f"can't reach the daemon at {paths.socket_path(NAME)}: {told}; run 'aid restart'") from error
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))
    return link


def connect_or_start() -> socket.socket:
    """A connection to the daemon, started when there is none. Raises DaemonError with what the daemon said."""
    return connect() or _start()


def holder() -> Holder | None:
    """Who holds the daemon's lock: a live daemon, one that is starting, or one that is ending."""
    try:
        lock = _lock_path().open("r", encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    with lock:
        if _flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB):
            return None
        pid, protocol, version = [*lock.read().split(), "", "", ""][:3]
        return Holder(int(pid) if pid.isdigit() else 0, int(protocol) if protocol.isdigit() else 0, version)


class Place(NamedTuple):
    """What a daemon has and no other process: the lock file, open and to be kept for life, and the socket."""

    lock: TextIO
    socket: socket.socket


def hold(protocol: int, version: str, timeout_s: float) -> Place | None:
    """Become the daemon; None when another daemon listens already.

    Waits for a daemon that is ending. Raises DaemonError when the lock's holder neither ends nor answers in time.
    """
    lock = _lock_path().open("a+", encoding="ascii")
    deadline = time.monotonic() + timeout_s
    while not _flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
        # Whoever holds it may be starting still, its own starter gone: then it listens soon.
        link = connect()
        if link is not None:
            link.close()
            lock.close()
            return None
        _wait(lock, deadline)
    _sign(lock, protocol, version)
    return Place(lock, bound(paths.socket_path(NAME)))


def take_over(protocol: int, version: str, timeout_s: float) -> Place:
    """Become the daemon in place of one that is about to end.

    That one gives up its socket before it is done. From then on clients find this one's, and wait there to be accepted.
    Raises DaemonError when the other doesn't end in time.
    """
    lock = _lock_path().open("a+", encoding="ascii")
    deadline, path = time.monotonic() + timeout_s, paths.socket_path(NAME)
    early = None
    try:
        while not _flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            if early is None and not path.exists():
                early = bound(path)
            _wait(lock, deadline)
    except DaemonError:
        if early is not None:
            early.close()
        raise
    _sign(lock, protocol, version)
    return Place(lock, early or bound(path))


def bound(path: Path) -> socket.socket:
    """Listen on `path`, replacing a socket nobody listens on. From the first moment only the user may connect."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    listening.listen(BACKLOG)
    return listening


def wait_ended(pid: int, timeout_s: float) -> bool:
    """Whether process `pid` ends within `timeout_s`; True at once when there is no such process."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        waiter = select.poll()
        waiter.register(descriptor, select.POLLIN)
        return bool(waiter.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)


def end(pid: int, grace_s: float) -> None:
    """End process `pid`: asked first, killed after `grace_s`. Raises DaemonError when it can't be ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_ended(pid, grace_s):
            return
    raise DaemonError(f"process {pid} can't be ended: see 'ps -p {pid}'")


def kill(pid: int) -> None:
    """End process `pid` at once: it was asked and didn't. Nothing where nobody knows it (0)."""
    with suppress(ProcessLookupError):
        if pid:
            os.kill(pid, signal.SIGKILL)


def output_path() -> Path:
    """Where the daemon's own standard output and error go: what Python prints when it can't even log."""
    directory = paths.state_dir() / "logs"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory / "daemon.out"


def take_turn() -> TextIO:
    """Wait until nobody else is starting a daemon; the turn ends when what is returned is closed."""
    turn = (paths.runtime_dir() / f"{NAME}.start").open("w", encoding="ascii")
    fcntl.flock(turn, fcntl.LOCK_EX)
    return turn


class Ending(NamedTuple):
    """How a daemon is made to end: asked to, and killed where it doesn't."""

    ask: Callable[[], object]
    kill: Callable[[], object]


def restart(prepare: Callable[[int], Ending]) -> Holder | None:
    """Put a new daemon in place of the one that runs, which goes on serving until the new one has all it needs.

    `prepare` is called with that one's pid (0: not known) meanwhile, and gives what makes it end; it is killed after
    `ENDING_S`. Whoever looks for a daemon then waits for the new one. Gives who was the daemon; None: nobody. Raises
    DaemonError with what the new one said; where it can't even be prepared, the old one runs on.
    """
    with take_turn():
        old = holder()  # not before: one that another starter was just starting would be overlooked
        with _spawned("--take-over") as spawned:
            ending = prepare(old.pid) if old is not None else None
            _expect(WARM, spawned.says(START_TIMEOUT_S))
            if ending is not None:
                ending.ask()
                if not spawned.has_said(ENDING_S):
                    ending.kill()
            _expect(READY, spawned.says(START_TIMEOUT_S))
    return old


def _start() -> socket.socket:
    with take_turn():
        link = connect()
        if link is None:
            with _spawned() as spawned:
                _expect(READY, spawned.says(START_TIMEOUT_S))
            link = connect()
    if link is None:
        raise DaemonError("the daemon ended as soon as it had started: see 'aid logs'")
    return link


class _Spawned(NamedTuple):
    """A daemon that is starting; `reading` is the pipe through which it speaks to whoever started it."""

    reading: int

    def has_said(self, timeout_s: float) -> bool:
        """Whether it says something, or ends, within `timeout_s`."""
        return bool(select.select([self.reading], [], [], timeout_s)[0])

    def says(self, timeout_s: float) -> str:
        """The next line; "" where it ended instead, a sentence for too late."""
        said = b""
        deadline = time.monotonic() + timeout_s
        while not said.endswith(b"\n"):
            if not self.has_said(max(0.0, deadline - time.monotonic())):
                return f"the daemon did not start within {timeout_s:.0f} s: see 'aid logs'"
            piece = os.read(self.reading, 1)  # no more than the line: the next one is read by another call
            if not piece:
                break
            said += piece
        return said.decode("utf-8", "replace").strip()


@contextmanager
def _spawned(*options: str) -> Iterator[_Spawned]:
    """Run a daemon of its own session."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    # -P: the folder the person stands in must not lend the daemon its modules.
    argv = [sys.executable, "-P", "-m", "aid.daemon", "--detach", "--ready-fd", str(writing), *options]
    output = str(output_path())
    anew = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, anew, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        child = os.posix_spawn(sys.executable, argv, os.environ, file_actions=files, setsid=True)
    finally:
        os.close(writing)
    try:
        yield _Spawned(reading)
    finally:
        os.close(reading)
        os.waitpid(child, 0)


def _expect(wanted: str, said: str) -> None:
    if said != wanted:
        raise DaemonError(said or f"the daemon did not start: {_last_line(output_path())}")


def _last_line(path: Path) -> str:
    lines = path.read_text("utf-8", "replace").split("\n") if path.is_file() else []
    told = [line.strip() for line in lines if line.strip()]
    return told[-1] if told else f"it said nothing; run '{sys.executable} -P -m aid.daemon' to see"


def _held_by() -> str:
    owner = holder()
    who = f"process {owner.pid}" if owner is not None and owner.pid else "another process"
    return f"{who} holds {_lock_path()} but does not listen: run 'aid stop', then try again"


def _wait(lock: TextIO, deadline: float) -> None:
    if time.monotonic() >= deadline:
        lock.close()
        raise DaemonError(_held_by())
    time.sleep(_POLL_S)


def _sign(lock: TextIO, protocol: int, version: str) -> None:
    lock.truncate(0)
    lock.write(f"{os.getpid()} {protocol} {version}\n")
    lock.flush()


def _lock_path() -> Path:
    return paths.runtime_dir() / f"{NAME}.lock"


def _flock(file: TextIO, operation: int) -> bool:
    try:
        fcntl.flock(file, operation)
    except BlockingIOError:
        return False
    return True
