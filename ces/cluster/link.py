"""What the service asks in place of a `Judge` when it serves a cluster: a way to the process that is in it, kept up.

In: `CheckRequest`s. Out: a verdict each, once. When that process ends (Ray ends it when the cluster's head is lost)
another is started until one can join; what it had not answered is asked of the next. Requests wait `patience_s` for
that, then their verdict is `infra_error`, with no reward.
"""

import asyncio
import contextlib
import itertools
import logging
import pickle
import socket
import sys
import time
from collections.abc import Callable

import msgspec

from ces.bases import BaseRecord
from ces.cluster.driver import Start
from ces.cluster.frames import Answer, Cancel, Check, Failed, Queued, Ready, Said, State, body, framed
from ces.cluster.metrics import ClusterMetrics, Count
from ces.cluster.settings import ClusterSettings
from ces.errors import BadChange, CesError
from ces.judge import AuditCount, Running
from ces.request import CheckRequest
from ces.verdict import Verdict

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0
JOIN_S = 120.0
END_S = 20.0


class _Lost(Exception):
    """The process ended before it answered."""


class LinkBases:
    """The bases of all nodes, as last reported."""

    def __init__(self, link: "Link") -> None:
        self._link = link

    def records(self) -> list[BaseRecord]:
        return list(self._link.state.bases)


class Link:
    """`start` it in a running loop; it is closed by the service, or with `close`."""

    def __init__(self, settings: ClusterSettings, address: str | None, own_workers: int) -> None:
        self._start = Start(address, own_workers, settings)
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._there = asyncio.Event()
        self._lost_at = 0.0
        self._why = ""
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._queued: Callable[[], int] = lambda: 0
        self._resize: Callable[[int], None] = lambda slots: None
        self._past = State()  # of the processes that ended
        self._keeping: asyncio.Task[None] | None = None
        self.state = State()
        self.bases = LinkBases(self)

    @property
    def at_work(self) -> tuple[Running | None, ...]:
        return self.state.at_work

    @property
    def audits(self) -> AuditCount:
        past, now = self._past.audits, self.state.audits
        return AuditCount(
            audited=past.audited + now.audited,
            disagreements=past.disagreements + now.disagreements,
            false_greens=past.false_greens + now.false_greens,
        )

    async def start(self) -> None:
        """Raises CesError where the cluster can't be joined."""
        reader = await self._join()
        self._keeping = asyncio.ensure_future(self._keep(reader))

    def attach(self, queued: Callable[[], int], resize: Callable[[int], None]) -> None:
        self._queued, self._resize = queued, resize
        resize(self.state.slots)

    def collector(self) -> ClusterMetrics:
        return ClusterMetrics(self.count)

    def count(self) -> Count:
        past, now = self._past.count, self.state.count
        return msgspec.structs.replace(now, retries=past.retries + now.retries, lost=past.lost + now.lost)

    async def check(self, request: CheckRequest) -> Verdict:
        """The verdict on one diff, as `Judge.check`. Raises BadChange for a request that can't be meant."""
        started = time.monotonic()
        packed = msgspec.msgpack.encode(request)
        for _ in range(self._settings.retries + 1):
            if not await self._is_there():
                break
            try:
                answer = await self._ask(packed)
            except _Lost:
                continue
            if answer.verdict is None:
                raise BadChange(answer.bad)
            return msgspec.structs.replace(answer.verdict, wall_ms=(time.monotonic() - started) * 1000)
        return Verdict(status="infra_error", stage=None, reason=f"the Ray cluster is lost: {self._why}")

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        await self._end()

    async def _is_there(self) -> bool:
        """Wait for a cluster, so long after it was lost."""
        if self._there.is_set():
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._lost_at + self._settings.patience_s):
                await self._there.wait()
        return self._there.is_set()

    async def _ask(self, packed: bytes) -> Answer:
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._send(Check(number, packed))
        try:
            return await answer
        except asyncio.CancelledError:
            self._send(Cancel(number))
            raise
        finally:
            del self._waiting[number]

    def _send(self, told: Check | Cancel | Queued) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framed(told))

    async def _join(self) -> asyncio.StreamReader:
        """Start a process, and wait until it is in the cluster."""
        ours, theirs = socket.socketpair()
        with theirs:
            argv = (sys.executable, "-m", "ces.cluster.driver", str(theirs.fileno()))
            self._process = await asyncio.create_subprocess_exec(
                *argv, pass_fds=(theirs.fileno(),), start_new_session=True, stdin=asyncio.subprocess.DEVNULL
            )
        ours.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            self._writer.write(pickle.dumps(self._start))
            async with asyncio.timeout(JOIN_S):
                first = await body(reader)
        except TimeoutError:
            await self._end()
            raise CesError(f"the Ray cluster was not joined within {JOIN_S:.0f} s") from None
        said = None if first is None else msgspec.msgpack.decode(first, type=Said)
        if not isinstance(said, Ready):
            await self._end()
            raise CesError(said.reason if isinstance(said, Failed) else "the process that joins Ray's cluster ended")
        self._there.set()
        return reader

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        while True:
            while (frame := await body(reader)) is not None:
                self._heard(msgspec.msgpack.decode(frame, type=Said))
            self._lose()
            reader = await self._joined_again()

    async def _joined_again(self) -> asyncio.StreamReader:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._end()
            await asyncio.sleep(pause_s)
            try:
                reader = await self._join()
            except CesError as error:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                self._why = str(error)
                log.warning("still without the Ray cluster: %s", error)
            else:
                log.info("in the Ray cluster again")
                return reader

    def _heard(self, said: Said) -> None:
        if isinstance(said, State):
            resized = said.slots != self.state.slots
            self.state = said
            if resized:
                self._resize(said.slots)
            self._send(Queued(self._queued()))
        elif isinstance(said, Answer):
            waiting = self._waiting.get(said.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(said)

    def _lose(self) -> None:
        self._there.clear()
        self._lost_at = asyncio.get_running_loop().time()
        self._why = "its head or this machine's own node went away"
        log.warning("lost the Ray cluster: %s; joining it again", self._why)
        self._past = State(audits=self.audits, count=self.count())
        self.state = State(slots=self.state.slots)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(_Lost())

    async def _end(self) -> None:
        """The process ends by itself when nobody is there to hear it."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
