"""Running one command of a build: own session, output to a file, limits kept, killed as a tree.

A command comes in as an argv, a `Finished` goes out. However `run` ends (the command's own exit, a limit, cancellation)
nothing the command started is left: the process group gets SIGKILL, a namespace (`ces.isolation`) takes down what left
the group, and where there is no namespace what is in the run's control group is hunted down, or what carries the run's
mark in its environment. Nothing here knows what a build is.
"""

import asyncio
import contextlib
import math
import os
import select
import signal
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from ces import cgroups, others
from ces.cgroups import Group
from ces.errors import InfraError
from ces.limits import LimitName, Limits
from ces.metering import Meter
from ces.spawner import Spawner, Spec
from ces.waiting import wait_out

KEPT_BYTES = 2 << 20  # at each end of an output that is longer than twice this
KILLED_WITHIN_S = 5.0  # more only in the kernel's own trouble, a hung disk say
ROUNDS = 100  # of looking for what is left: processes may fork while we look
MARK = "CES_RUN"
SPAWNER = Spawner()

# What a build may know of the person's environment: where tools are, never keys, tokens or sockets.
_KEPT = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "TZ", "JAVA_HOME"}
_LEFT_OUT = {"PYENV_DIR"}  # where a shim was started, which would choose the build's Python by a stranger's file
_KEPT_PREFIXES = (
    "OPAM",
    "OCAML",
    "CAML_",
    "CARGO_HOME",
    "RUSTUP_",
    "RUSTFLAGS",
    "PYENV_",
    "VIRTUAL_ENV",
    "NVM_",
    "NODE_PATH",
    "GOPATH",
    "GOROOT",
    "NIX_",
)
_FIXED = {
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "CLICOLOR": "0",
    "OCAML_COLOR": "never",
    "CARGO_TERM_COLOR": "never",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a command may use, and how it is held.

    `writes_to` are the directories counted against the disk limit. `contained`: it runs in a process namespace of its
    own, which takes everything along when it ends. `descriptors` are open files it inherits, numbered from
    `ces.spawner.FIRST_DESCRIPTOR`. `overlay` and `enclosed` are options of `ces.namespaces`.
    """

    limits: Limits = msgspec.field(default_factory=Limits)
    writes_to: tuple[Path, ...] = ()
    contained: bool = False
    descriptors: tuple[int, ...] = ()
    overlay: dict[str, Any] | None = None
    enclosed: dict[str, Any] | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended.

    `exit_code` is minus the signal's number for a command that was killed. `output` is stdout and stderr in the
    order they were written, decoded as UTF-8 with replacement; `truncated`: its middle was cut, or the command was
    killed for printing more than the limit. `limit` is the one it went past, whatever its exit code. `machine_failed`
    is what the machine itself ran out of meanwhile ("memory", "disk space"): a failure then says nothing of the
    command. `cpu_ms` counts the command and what it started.
    """

    exit_code: int
    output: str
    wall_ms: float
    cpu_ms: float
    truncated: bool = False
    limit: LimitName | None = None
    machine_failed: str | None = None

    @property
    def timed_out(self) -> bool:
        return self.limit == "wall"


def build_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A predictable environment for a build: no colours, UTF-8, no terminal, no secrets; `extra` on top."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return {name: value for name, value in kept.items() if name not in _LEFT_OUT} | _FIXED | dict(extra or {})


async def run(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float, bounds: Bounds | None = None
) -> Finished:
    """Run `argv` in `cwd` for at most `timeout_s` seconds. InfraError when the command can't be started."""
    bounds = Bounds() if bounds is None else bounds
    mark = uuid.uuid4().hex
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, _group(bounds.limits) as group, _pipe() as (reading, errors):
        spec = _spec(argv, cwd, {**env, MARK: mark}, bounds, group)
        try:
            pid = SPAWNER.start(spec, output.fileno(), errors, bounds.descriptors)
        except OSError as error:
            raise InfraError(f"can't start {argv[0]}: {error.strerror or error}") from error
        exited = _watch(pid)
        meter = Meter(pid, bounds.limits, group, bounds.writes_to)
        try:
            ended = await _wait(exited, output, started + timeout_s, meter, bounds.limits)
        finally:
            # A namespace whose command has ended by itself has taken everything along.
            contained = bounds.contained and exited.is_set()
            ending = asyncio.ensure_future(_end(pid, exited, None if contained else mark, group))
            exit_code, cpu_s = await wait_out(ending)
        failed = _said(reading)
        if failed:
            raise InfraError(f"can't start {argv[0]} in {cwd}: {failed}")
        text, cut = await asyncio.to_thread(_read, output)
        limit = _limit(ended, exit_code, bounds.limits)
        counted_s = None if group is None else group.counted().cpu_s
        return Finished(
            exit_code=exit_code,
            output=text,
            wall_ms=(time.monotonic() - started) * 1000,
            cpu_ms=max(cpu_s, counted_s or meter.cpu_s) * 1000,
            truncated=cut or limit == "output",
            limit=limit,
            machine_failed=meter.machine_failed(),
        )


@contextlib.contextmanager
def _group(limits: Limits) -> Iterator[Group | None]:
    hierarchy = cgroups.find()
    try:
        group = None if hierarchy is None else hierarchy.open(limits)
    except OSError as error:
        raise InfraError(f"can't make a control group: {error.strerror}") from error
    try:
        yield group
    finally:
        if group is not None:
            group.close()


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def _said(reading: int) -> str:
    """What went wrong before the command became itself."""
    with contextlib.suppress(BlockingIOError):
        return os.read(reading, select.PIPE_BUF).decode("utf-8", "replace")
    return ""


def _spec(argv: Sequence[str], cwd: Path, env: Mapping[str, str], bounds: Bounds, group: Group | None) -> Spec:
    limits = bounds.limits
    # Without the kernel's own count one process can't outrun `ces.metering`; the margin lets that one say first what
    # was too much.
    counted = group is not None and "memory" in group.controllers
    return {
        "argv": list(argv),
        "cwd": str(cwd),
        "env": dict(env),
        "groups": [str(entrance) for entrance in (group.entrances if group is not None else ())],
        "file_bytes": limits.file_bytes,
        "cpu_s": None if limits.cpu_s is None else math.ceil(limits.cpu_s) + 1,
        "data_bytes": None if counted else limits.memory_bytes * 3 // 2,
        "overlay": bounds.overlay,
        "enclosed": bounds.enclosed,
    }


def kill_tree(process_group: int, mark: str | None, group: Group | None = None) -> None:
    """SIGKILL the process group, then what is in the control group, or without one every process of ours that carries
    the mark; wait for their end. Mark None: a process namespace has ended, there is none to look for.

    Both find daemons that left the session. One that also cleared its environment is only caught by a control group or
    a process namespace.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process_group, signal.SIGKILL)
    if group is not None:
        group.forbid_forks()
    for _ in range(ROUNDS):
        found = group.processes() if group is not None else _marked(mark)
        if not found - {process_group}:
            return
        _kill(found - {process_group})


def _marked(mark: str | None) -> set[int]:
    if mark is None:
        return set()
    needle = f"{MARK}={mark}".encode()
    return {pid for pid in _own_processes() if needle in _environment_of(pid)}


def _kill(pids: Iterable[int]) -> None:
    """All first, then wait: one that is left alone would fork again."""
    with contextlib.ExitStack() as stack:
        killed = []
        for pid in pids:
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(pid)
                stack.callback(os.close, descriptor)
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                killed.append(descriptor)
        deadline = time.monotonic() + KILLED_WITHIN_S
        for descriptor in killed:
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            ended.poll(max(0.0, deadline - time.monotonic()) * 1000)


def _own_processes() -> list[int]:
    """Of the user that we run as, and of the one that builds may."""
    uids = (os.getuid(), others.USER)
    pids = []
    with os.scandir("/proc") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and entry.stat().st_uid in uids:
                    pids.append(int(entry.name))
    return pids


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _watch(pid: int) -> asyncio.Event:
    """Set once the child has exited; it stays a zombie until `_end`."""
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(pid)
    exited = asyncio.Event()

    def leave() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        exited.set()

    loop.add_reader(descriptor, leave)
    return exited


async def _end(pid: int, exited: asyncio.Event, mark: str | None, group: Group | None) -> tuple[int, float]:
    """Kill what is left, and give the exit code and the CPU seconds used."""
    await asyncio.to_thread(kill_tree, pid, mark, group)  # first: once reaped, the number may be someone else's
    await exited.wait()
    try:
        return SPAWNER.reap(pid)
    except OSError as error:
        raise InfraError(str(error)) from error


async def _wait(
    exited: asyncio.Event, output: BinaryIO, deadline: float, meter: Meter, limits: Limits
) -> LimitName | Literal["exit"]:
    while True:
        left_s = deadline - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(meter.pause_s, left_s))):
                await exited.wait()
            return meter.counted() or "exit"  # now: what is killed next may be refused a fork
        except TimeoutError:
            if time.monotonic() >= deadline:
                return "wall"
            if os.fstat(output.fileno()).st_size > limits.output_bytes:
                return "output"
            over = await asyncio.to_thread(meter.over)
            if over is not None:
                return over


def _limit(ended: LimitName | Literal["exit"], exit_code: int, limits: Limits) -> LimitName | None:
    """Limits on single files and single processes show only in the signal that ended the command."""
    if ended != "exit":
        return ended
    if exit_code in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ):
        return "disk"
    if limits.cpu_s is not None and exit_code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return "cpu"
    return None


def _read(output: BinaryIO) -> tuple[str, bool]:
    size = output.seek(0, os.SEEK_END)
    output.seek(0)
    if size <= 2 * KEPT_BYTES:
        return output.read().decode("utf-8", "replace"), False
    head = output.read(KEPT_BYTES)
    output.seek(size - KEPT_BYTES)
    cut = f"\n[… {size - 2 * KEPT_BYTES} bytes left out …]\n"
    return head.decode("utf-8", "replace") + cut + output.read().decode("utf-8", "replace"), True
