"""A small process that starts commands for a large one.

Starting a build from the daemon itself means an exec of half a dozen programs (a shell for limits, unshare, mount …),
each several milliseconds; forking the daemon, which has threads, is not sound. So one child process is kept that
imports next to nothing: it forks, and the fork sets its limits, makes its namespaces and becomes the command.

    start   spec and descriptors -> pid. The command is a child of the spawner and dies with it
    reap    pid of one that has exited -> its exit code and what it used. Until then it stays a zombie: its number is
            no one else's

`Spawner` is the large process's side. Everything blocks, for about a millisecond.
"""

import array
import atexit
import contextlib
import fcntl
import gc
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ces import namespaces

Spec = dict[str, Any]
"""argv, cwd, env; file_bytes, cpu_s, data_bytes (limits or None); groups (paths); overlay and enclosed (or None).

`overlay` and `enclosed` are options of `ces.namespaces`: at most one is given.
"""

FIRST_DESCRIPTOR = 3  # what is passed with a command has this number and the following ones in it
_REAPED = struct.Struct("id")
_STARTED = struct.Struct("i")
_MESSAGE_BYTES = 64
_MOST_DESCRIPTORS = 8
_MOVED_TO = 64  # and above
_MAIN = "import sys; sys.path.insert(0, sys.argv[1]); from ces.spawner import serve; serve(int(sys.argv[2]))"


class SpawnerLost(OSError):
    """The spawner has died, and with it all that it had started."""


class Spawner:
    """Starts its process when first used, and again should it have died or this process have been forked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._owner = 0
        atexit.register(self.close)

    def open(self) -> None:
        """Start its process now, unless it runs: that takes as long as an interpreter's start, and no loop may wait."""
        with self._lock:
            if self._socket is None or self._owner != os.getpid():
                self._launch()

    def start(self, spec: Spec, output: int, errors: int, descriptors: Sequence[int] = ()) -> int:
        """The new process's id, leader of its own session and group.

        `output` becomes its stdout and stderr. What went wrong before it became the command is written to `errors`.
        """
        with self._lock:
            payload = os.memfd_create("spec")
            try:
                os.write(payload, json.dumps(spec).encode())
                answer = self._ask(b"s", (payload, output, errors, *descriptors))
            finally:
                os.close(payload)
        pid: int = _STARTED.unpack(answer)[0]
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid

    def reap(self, pid: int) -> tuple[int, float]:
        """Exit code (minus the signal's number where it was killed) and CPU seconds."""
        with self._lock:
            if self._socket is None or self._owner != os.getpid():
                raise SpawnerLost("the process that starts builds has died")
            code, cpu_s = _REAPED.unpack(self._exchange(b"r" + _STARTED.pack(pid), ()))
        return code, cpu_s

    def close(self) -> None:
        """Its process ends, and all that it started."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _ask(self, request: bytes, descriptors: Sequence[int]) -> bytes:
        if self._socket is None or self._owner != os.getpid():
            self._launch()
        try:
            return self._exchange(request, descriptors)
        except SpawnerLost:
            self._launch()
            return self._exchange(request, descriptors)

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            package = str(Path(__file__).resolve().parent.parent)
            argv = [sys.executable, "-I", "-S", "-c", _MAIN, package, str(theirs.fileno())]
            quiet = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
            first = os.posix_spawn(sys.executable, argv, os.environ, file_actions=quiet, setsid=True)
        # It has put itself into the background: no zombie of ours for asyncio or others to stumble over.
        os.waitpid(first, 0)
        self._socket, self._owner = ours, os.getpid()

    def _exchange(self, request: bytes, descriptors: Sequence[int]) -> bytes:
        assert self._socket is not None
        try:
            socket.send_fds(self._socket, [request], list(descriptors))
            answer = self._socket.recv(_MESSAGE_BYTES)
        except OSError:
            answer = b""
        if not answer:
            self._socket.close()
            self._socket = None
            raise SpawnerLost("the process that starts builds has died")
        return answer


def serve(descriptor: int) -> NoReturn:
    """The spawner's own life: until the other side is gone."""
    if os.fork():
        os._exit(0)
    os.closerange(3, descriptor)  # whatever the large process was started with is no command's to have
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
    with socket.socket(fileno=descriptor) as ours:
        os.set_inheritable(descriptor, False)
        gc.disable()  # a collection in a fork would copy every page it looks at
        while True:
            request, passed = _received(ours)
            if not request:
                os._exit(0)
            if request[:1] == b"s":
                answer = _STARTED.pack(_forked(ours, passed))
            else:
                answer = _reaped(_STARTED.unpack(request[1:])[0])
            for each in passed:
                os.close(each)
            ours.send(answer)


def _received(ours: socket.socket) -> tuple[bytes, list[int]]:
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
    message, ancillary, _, _ = ours.recvmsg(_MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    passed = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            passed.frombytes(content[: len(content) // passed.itemsize * passed.itemsize])
    return message, list(passed)


def _reaped(pid: int) -> bytes:
    try:
        _, status, used = os.wait4(pid, 0)
    except ChildProcessError:
        return _REAPED.pack(-9, 0.0)
    return _REAPED.pack(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime)


def _forked(ours: socket.socket, passed: list[int]) -> int:
    try:
        pid = os.fork()
    except OSError as error:
        return -(error.errno or 1)
    if pid:
        return pid
    payload, output, errors, *descriptors = (_moved(each) for each in passed)
    try:
        ours.close()
        os.closerange(0, _MOVED_TO)
        _run(payload, output, descriptors)
    except BaseException as error:  # this must never return into the spawner's loop, whatever it was
        with contextlib.suppress(OSError):
            os.write(errors, _said(error).encode())
    finally:
        os._exit(125)


def _said(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else f"{error.strerror or error}"
    return f"{type(error).__name__}: {error}"


def _moved(descriptor: int) -> int:
    """Out of the way of the numbers that the command is told; closed when it starts."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _MOVED_TO)


def _run(payload: int, output: int, descriptors: Sequence[int]) -> NoReturn:
    os.setsid()
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    namespaces.die_with_parent()
    spec: Spec = json.loads(os.pread(payload, os.fstat(payload).st_size, 0))
    for group in spec["groups"]:
        namespaces.write(group, "0")
    _limit(spec)
    os.chdir(spec["cwd"])
    if spec["overlay"] is not None:
        namespaces.overlay(spec["overlay"])
        os.chdir(spec["cwd"])
        namespaces.die_with_parent()
    if spec["enclosed"] is not None and spec["enclosed"]["user"]:
        os.fchmod(output, 0o666)  # another user may open /dev/stderr; the file has no name
    nothing = _moved(os.open("/dev/null", os.O_RDONLY))
    for number, each in enumerate((nothing, output, output, *descriptors)):
        os.dup2(each, number, inheritable=True)
    if spec["enclosed"] is not None:
        namespaces.become({**spec["enclosed"], "env": spec["env"]}, spec["argv"])
    namespaces.execute(spec["argv"], spec["env"])


def _limit(spec: Spec) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, value in (
        (resource.RLIMIT_FSIZE, spec["file_bytes"]),
        (resource.RLIMIT_CPU, spec["cpu_s"]),
        (resource.RLIMIT_DATA, spec["data_bytes"]),
    ):
        if value is not None:
            hard = resource.getrlimit(kind)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError):  # a build is the first to go when memory runs out, not the editor
        namespaces.write("/proc/self/oom_score_adj", "1000")
