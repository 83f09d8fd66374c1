"""Finding, starting and ending worker processes. Blocking: call it from a thread. Nothing here speaks HTTP.

A worker is named by what it was started with, so whoever wants the same model in the same way finds it, be it a new
daemon after `aid restart`. In the runtime directory, for each name:

    <name>.sock    where it listens             <name>-in.sock   what its engine may use inside
    <name>.pid     locked for its whole life    <name>.start     locked by whoever is starting it
"""

import fcntl
import hashlib
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from aid import paths
from aid.errors import ModelError, ModelMissing

PROTOCOL = 1  # raised when an older worker can't serve a newer daemon
LOAD_S = 120.0
END_S = 5.0
LOG_BYTES = 1_000_000
PREFIX = "model-"


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is started with. `threads` None: as many as the machine lends us."""

    engine: str
    model: Path
    context_tokens: int
    parallel: int
    threads: int | None = None
    idle_s: float = 1800.0

    def name(self) -> str:
        """Raises ModelMissing when the model's file isn't there: its identity is part of the name."""
        try:
            real = self.model.resolve(strict=True)
            seen = real.stat()
        except OSError:
            raise ModelMissing(f"model file {self.model} is missing: correct its path in aid.toml") from None
        parts = (self.engine, real, seen.st_size, seen.st_mtime_ns, self.context_tokens, self.parallel, self.threads)
        digest = hashlib.sha256(repr((PROTOCOL, sys.executable, *map(str, parts))).encode()).hexdigest()
        return PREFIX + digest[:12]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A live worker."""

    name: str
    pid: int
    socket: Path
    log: Path


def find(name: str) -> Running | None:
    """The live worker called `name`. Microseconds: it only looks at a lock."""
    pid = _lock_holder(paths.runtime_dir() / f"{name}.pid")
    return None if pid is None else Running(name=name, pid=pid, socket=paths.socket_path(name), log=log_path(name))


def find_all() -> list[Running]:
    found = [find(path.stem) for path in sorted(paths.runtime_dir().glob(f"{PREFIX}*.pid"))]
    return [worker for worker in found if worker is not None]


def find_or_start(spec: WorkerSpec) -> Running:
    """The worker for `spec`; started and its model loaded when there is none. However many ask, one is started.

    Raises ModelMissing or ModelError with what the worker said.
    """
    name = spec.name()
    turn = os.open(paths.runtime_dir() / f"{name}.start", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        running = find(name)
        if running is not None and not running.socket.exists():
            # Its starter died while it was loading, or it is ending: either way it is not to be waited for.
            _end(running)
            running = None
        if running is None:
            _spawn(spec, name)
            running = find(name)
    finally:
        os.close(turn)
    if running is None:
        raise ModelError(f"the model worker ended as soon as it had started: see {log_path(name)}", retryable=True)
    return running


def stop_workers() -> int:
    """End every worker of this user, whoever started it; how many there were."""
    workers = find_all()
    for worker in workers:
        _end(worker)
    return len(workers)


def log_path(name: str) -> Path:
    directory = paths.state_dir() / "logs"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory / f"{name}.log"


def _lock_holder(pid_file: Path) -> int | None:
    """Who holds the pid file's lock. What an unlocked one says means nothing: the number may be anybody's by now."""
    try:
        handle = os.open(pid_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(handle, 32).strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(handle)
    return None


def _end(worker: Running) -> None:
    pid_file = worker.socket.with_suffix(".pid")
    try:
        process = os.pidfd_open(worker.pid)
    except ProcessLookupError:
        return
    try:
        # Looked at again with the process held: a number can be given to someone else in between.
        if _lock_holder(pid_file) != worker.pid:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if _ended(process):
                break
    finally:
        os.close(process)
    for path in (worker.socket, worker.socket.with_name(f"{worker.name}-in.sock"), pid_file):
        path.unlink(missing_ok=True)


def _ended(process: int) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(END_S * 1000))


def _spawn(spec: WorkerSpec, name: str) -> None:
    """Run a worker in a session of its own and wait until it serves. Raises ModelError with what it said."""
    log = log_path(name)
    keep = log.is_file() and log.stat().st_size < LOG_BYTES
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    output = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if keep else os.O_TRUNC)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), output, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        child = os.posix_spawn(sys.executable, _argv(spec, name, writing), os.environ, file_actions=files)
    finally:
        os.close(writing)
    try:
        said = _read_to_end(reading)
    finally:
        os.close(reading)
        os.waitpid(child, 0)
    if said == "ready":
        return
    told = said.removeprefix("error ")
    raise ModelError(told or f"the model worker died while loading {spec.model}: see {log}")


def _argv(spec: WorkerSpec, name: str, ready_fd: int) -> list[str]:
    argv = [sys.executable, "-P", "-m", "aid.models.worker", "--detach", "--ready-fd", str(ready_fd)]
    argv += ["--engine", spec.engine, "--model", str(spec.model.resolve()), "--socket", str(paths.socket_path(name))]
    argv += ["--ctx", str(spec.context_tokens), "--parallel", str(spec.parallel), "--idle-s", str(spec.idle_s)]
    return argv if spec.threads is None else [*argv, "--threads", str(spec.threads)]


def _read_to_end(pipe: int) -> str:
    said = b""
    deadline = time.monotonic() + LOAD_S
    while True:
        readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return f"error the model was not loaded within {LOAD_S:.0f} s: choose a smaller one"
        piece = os.read(pipe, 4096)
        if not piece:
            return said.decode("utf-8", "replace").strip()
        said += piece
