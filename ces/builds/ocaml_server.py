"""A long-lived checker process for the modules that share one set of ocamlc options.

`ask` sends a request and awaits its reply; many may be under way, each in a fork of its own. A server that dies fails
what it was asked and is started again by the next request. It runs none of the project's code.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ces import process

Message = list[tuple[str, bytes]]
Names = dict[str, frozenset[str]]
"""A compilation's key -> the modules that its text names, as ocamldep finds them."""

WARM_S = 5.0  # no longer than this checking modules only to have their interfaces loaded
WARM_AT_ONCE = 8
GRACE_S = 2.0  # a fork ends itself; past this the server itself is stuck
MAX_REPLY_BYTES = 64 << 20
# Each check is a fork: of a heap in large pages it copies few page tables, and writes to it fault less.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


class ServerDied(Exception):
    """The process ended, or can't be started, or its reply makes no sense. Never leaves this package."""


class TimeIsOver(ServerDied):
    """No reply in time, from a process that then was killed."""


def frame(message: Sequence[tuple[str, bytes]]) -> bytes:
    """See ocaml_checker/frames.mli."""
    body = b"".join(_word(name.encode()) + _word(value) for name, value in message)
    return _word(body)


def payload(message: Sequence[tuple[str, bytes]]) -> bytes:
    return frame(message)[4:]


def unframe(body: bytes) -> dict[str, bytes]:
    """Raises ServerDied for what isn't a message."""
    words = []
    at = 0
    while at < len(body):
        if at + 4 > len(body):
            raise ServerDied("a reply is cut short")
        (size,) = struct.unpack_from(">i", body, at)
        at += 4 + size
        if size < 0 or at > len(body):
            raise ServerDied("a reply is cut short")
        words.append(body[at - size : at])
    return {name.decode("utf-8", "replace"): value for name, value in zip(words[::2], words[1::2], strict=False)}


def _word(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


class Job(msgspec.Struct, frozen=True):
    """A check to warm a process with: of the compilation `key`."""

    key: str
    payload: bytes


def words(names: bytes) -> frozenset[str]:
    """Names as a reply has them."""
    return frozenset(names.decode("utf-8", "replace").split())


class Server:
    def __init__(self, checker: Path, options: Sequence[str], directory: Path, memory_mib: int, names: Names) -> None:
        """`directory` is the build context's. Each process of the server may use `memory_mib` of address space.

        `names` is filled with what the modules name that a process is warmed with.
        """
        # ulimit counts KiB.
        limited = 'ulimit -c 0; ulimit -v "$0"; exec "$@"'
        self._argv = ("/bin/sh", "-c", limited, str(memory_mib << 10), str(checker), "serve", *options)
        self._directory = directory
        self._names = names
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[bytes, asyncio.Future[dict[str, bytes]]] = {}
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self.used_at = 0.0

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._starting.locked()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def ask(self, message: Message, timeout_s: float, warm: Sequence[Job] = ()) -> dict[str, bytes]:
        """The reply to `message`. `warm`: the checks to start a new process with.

        Raises ServerDied. A reply that doesn't come in time kills the process, which the next request starts anew.
        """
        self.used_at = time.monotonic()
        timed = [*message, ("timeout_s", b"%.3f" % timeout_s)]
        try:
            await self._ready(warm)
            return await self._ask(timed, timeout_s + GRACE_S)
        except TimeIsOver:
            raise
        except ServerDied:  # from outside: what it is asked runs in a fork
            await self._ready(warm)
            return await self._ask(timed, timeout_s + GRACE_S)

    async def close(self) -> None:
        server = self._process
        if server is not None:
            _kill(server)
            await server.wait()
        if self._reading is not None:
            await self._reading

    async def _ready(self, warm: Sequence[Job]) -> None:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start(warm)

    async def _start(self, warm: Sequence[Job]) -> None:
        await self.close()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                cwd=self._directory,
                env=process.build_environment(ENVIRONMENT),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            raise ServerDied(f"the OCaml checker can't be started: {error.strerror}") from error
        self._reading = asyncio.create_task(self._read(self._process))
        until = time.monotonic() + WARM_S
        for at in range(0, len(warm), WARM_AT_ONCE):
            if time.monotonic() > until:
                break
            jobs = warm[at : at + WARM_AT_ONCE]
            reply = await self._ask([("what", b"warm"), *(("job", job.payload) for job in jobs)], 12 * WARM_S)
            if reply.get("status") != b"green":
                await self.close()
                raise ServerDied("the base isn't green to the checker")
            for job, named in zip(jobs, reply.get("names", b"").split(b"\n"), strict=False):
                self._names[job.key] = words(named)
        await self._ask([("what", b"settle")], 12 * WARM_S)

    async def _ask(self, message: Message, timeout_s: float) -> dict[str, bytes]:
        server = self._process
        if server is None or server.stdin is None:
            raise ServerDied("the OCaml checker isn't running")
        number = b"%d" % next(self._numbers)
        reply: asyncio.Future[dict[str, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            async with asyncio.timeout(timeout_s):
                server.stdin.write(frame([("id", number), *message]))
                await server.stdin.drain()
                return await reply
        except (ConnectionError, RuntimeError) as error:
            raise ServerDied("the OCaml checker died") from error
        except TimeoutError:
            _kill(server)
            raise TimeIsOver("time is over") from None
        finally:
            self._waiting.pop(number, None)

    async def _read(self, server: asyncio.subprocess.Process) -> None:
        """Hand each reply to who waits for it, until the process ends."""
        assert server.stdout is not None
        try:
            while True:
                (size,) = struct.unpack(">i", await server.stdout.readexactly(4))
                if not 0 <= size <= MAX_REPLY_BYTES:
                    break
                reply = unframe(await server.stdout.readexactly(size))
                waiting = self._waiting.get(reply.get("id", b""))
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        except (asyncio.IncompleteReadError, ServerDied):
            pass
        finally:
            _kill(server)
            if self._process is server:
                self._process = None
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ServerDied("the OCaml checker died"))
        await server.wait()


def _kill(server: asyncio.subprocess.Process) -> None:
    """The server and the checks under way in it."""
    if server.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
