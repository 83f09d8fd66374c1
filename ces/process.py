"""Running one command of a build: own session, output to a file, killed as a tree.

A command comes in as an argv, a `Finished` goes out. However `run` ends (the command's own exit, the time budget,
cancellation) nothing the command started is left: the process group gets SIGKILL, a namespace (`ces.isolation`)
takes down what left the group, and where there is no namespace what carries the run's mark in its environment is
hunted down. Nothing here knows what a build is.
"""

import asyncio
import contextlib
import os
import resource
import select
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from ces.errors import InfraError
from ces.waiting import wait_out

OUTPUT_LIMIT_BYTES = 64 << 20
FILE_LIMIT_BYTES = 4 << 30
KEPT_BYTES = 2 << 20  # at each end of an output that is longer than twice this
KILLED_WITHIN_MS = 5000  # more only in the kernel's own trouble, a hung disk say
POLL_S = 0.25  # between two looks at the output's size
MARK = "CES_RUN"

# POSIX ulimit counts blocks of 512 bytes. A build is the first to go when memory runs out, not the editor.
_LAUNCHER = (
    f'ulimit -c 0; ulimit -f {FILE_LIMIT_BYTES // 512}; echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$@"'
)

# What a build may know of the person's environment: where tools are, never keys, tokens or sockets.
_KEPT = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "TZ", "JAVA_HOME"}
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


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended.

    `exit_code` is minus the signal's number for a command that was killed. `output` is stdout and stderr in the
    order they were written, decoded as UTF-8 with replacement; `truncated`: its middle was cut, or the command was
    killed for printing more than the limit. `cpu_ms` counts the command and what it waited for.
    """

    exit_code: int
    output: str
    timed_out: bool
    wall_ms: float
    cpu_ms: float
    truncated: bool = False


def build_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A predictable environment for a build: no colours, UTF-8, no terminal, no secrets; `extra` on top."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return kept | _FIXED | dict(extra or {})


async def run(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    *,
    output_limit_bytes: int = OUTPUT_LIMIT_BYTES,
    status_file: Path | None = None,
) -> Finished:
    """Run `argv` in `cwd` for at most `timeout_s` seconds.

    `status_file` is opened for a command that runs in a process namespace of its own: bubblewrap, which finds the
    descriptor's number in place of "{status_fd}" in argv. Raises InfraError when the command can't be started.
    """
    mark = uuid.uuid4().hex
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = _start(argv, cwd, {**env, MARK: mark}, output, status_file)
        exited = _watch(process.pid)
        try:
            ended = await _wait(exited, output, started + timeout_s, output_limit_bytes)
        finally:
            # A namespace whose command has ended by itself has taken everything along.
            contained = status_file is not None and exited.is_set()
            ending = asyncio.ensure_future(_end(process, exited, None if contained else mark))
            exit_code, usage = await wait_out(ending)
        text, cut = await asyncio.to_thread(_read, output)
    return Finished(
        exit_code=exit_code,
        output=text,
        timed_out=ended == "timeout",
        wall_ms=(time.monotonic() - started) * 1000,
        cpu_ms=(usage.ru_utime + usage.ru_stime) * 1000,
        truncated=cut or ended == "flood",
    )


def kill_tree(group: int, mark: str | None) -> None:
    """SIGKILL the process group and, if a mark is given, every process of ours that carries it; wait for their end.

    The mark finds daemons that left the session. One that also cleared its environment is only caught by a process
    namespace.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    if mark is None:
        return
    needle = f"{MARK}={mark}".encode()
    for _ in range(5):  # a process may fork while we look
        found = [pid for pid in _own_processes() if pid != group and needle in _environment_of(pid)]
        for pid in found:
            _kill(pid)
        if not found:
            return


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            ended.poll(KILLED_WITHIN_MS)
        finally:
            os.close(descriptor)


def _own_processes() -> list[int]:
    uid = os.getuid()
    pids = []
    with os.scandir("/proc") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and entry.stat().st_uid == uid:
                    pids.append(int(entry.name))
    return pids


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: BinaryIO, status_file: Path | None
) -> "subprocess.Popen[bytes]":
    with contextlib.ExitStack() as stack:
        passed: tuple[int, ...] = ()
        if status_file is not None:
            passed = (stack.enter_context(status_file.open("wb")).fileno(),)
            argv = [word.replace("{status_fd}", str(passed[0])) for word in argv]
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCHER, "sh", *argv],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=passed,
            )
        except OSError as error:
            raise InfraError(f"can't start {argv[0]} in {cwd}: {error.strerror}") from error


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


async def _end(
    process: "subprocess.Popen[bytes]", exited: asyncio.Event, mark: str | None
) -> tuple[int, resource.struct_rusage]:
    """Kill what is left, and give the exit code and the accounting, which asyncio's own subprocesses don't."""
    await asyncio.to_thread(kill_tree, process.pid, mark)  # first: once reaped, the number may be someone else's
    await exited.wait()
    _, status, usage = os.wait4(process.pid, 0)  # noqa: ASYNC222 (it has exited: this only collects it)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


async def _wait(exited: asyncio.Event, output: BinaryIO, deadline: float, output_limit_bytes: int) -> str:
    while True:
        left_s = deadline - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(POLL_S, left_s))):
                await exited.wait()
            return "exit"
        except TimeoutError:
            if time.monotonic() >= deadline:
                return "timeout"
            if os.fstat(output.fileno()).st_size > output_limit_bytes:
                return "flood"


def _read(output: BinaryIO) -> tuple[str, bool]:
    size = output.seek(0, os.SEEK_END)
    output.seek(0)
    if size <= 2 * KEPT_BYTES:
        return output.read().decode("utf-8", "replace"), False
    head = output.read(KEPT_BYTES)
    output.seek(size - KEPT_BYTES)
    cut = f"\n[… {size - 2 * KEPT_BYTES} bytes left out …]\n"
    return head.decode("utf-8", "replace") + cut + output.read().decode("utf-8", "replace"), True
