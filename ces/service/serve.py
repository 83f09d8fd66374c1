"""A service's life: its sockets, the file by which it is found, and its end.

<state>/token           the bearer token, made at the first start
<state>/service.json    where it listens, while it runs
<state>/service.lock    held while it runs, however it ends: one service a state directory
"""

import asyncio
import fcntl
import logging
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import web

from ces import isolation
from ces.errors import CesError
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.service.access import access
from ces.service.board import Board
from ces.service.judging import Elastic, Judging
from ces.service.metrics import Metrics, Now
from ces.service.queue import Limits, Queue
from ces.service.routes import Routes
from ces.service.settings import ServiceSettings
from ces.verdict import Verdict

log = logging.getLogger(__name__)

SLOTS_A_WORKER = 4
BACKLOG = 1024
ANSWERED_WITHIN_S = 10.0  # for the last answers to reach their clients
ENDED_WITHIN_S = 30.0
LOCK_TRIES = 10
LOCK_POLL_S = 0.05
LINGER_S = 1.0  # for the rest of a body that is not read any more
HEADER_BYTES = 16 * 1024


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What service.json says. `url` and `unix`: at least one of them."""

    pid: int
    url: str | None
    unix: str | None
    token_file: str | None
    started_at: float


class Service:
    """`start`, then `drain` or not, then `stop`. Raises CesError from `start` for settings that can't be."""

    def __init__(self, settings: ServiceSettings, judge: Callable[[JudgeSettings], Judging] = Judge) -> None:
        self.settings = settings
        self._make = judge
        self.address: Address | None = None
        self._lock: int | None = None
        self._judge: Judging | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> Address:
        settings = self.settings
        if settings.port is None and settings.unix is None:
            raise CesError("the service would listen nowhere: give it a port or a unix socket")
        _made(settings.state_dir)
        who = access(settings)
        self._lock = _locked(settings.state_dir)
        try:
            found = await isolation.probe(settings.state_dir, settings.state_dir, settings.judge.bases.kinds)
            isolation.require(found, allow_unsafe=settings.judge.allow_unsandboxed)
            self._judge = self._make(settings.judge)
            self._board = Board(self._judge)
            self._metrics = Metrics(Now(self._gauges, self._counters))
            self._queue = Queue(
                self._judge.check, _limits(settings), settings.remember_s, self._judged, self._board.changed
            )
            if isinstance(self._judge, Elastic):
                self._judge.attach(lambda: self._queue.waiting, self._queue.resize)
                self._metrics.add(self._judge.collector())
            routes = Routes(settings, who, self._queue, self._board, self._metrics)
            self._runner = web.AppRunner(
                routes.application(),
                access_log=None,
                handler_cancellation=True,
                keepalive_timeout=settings.idle_timeout_s,
                shutdown_timeout=ANSWERED_WITHIN_S,
                lingering_time=LINGER_S,
                max_field_size=HEADER_BYTES,
                max_line_size=HEADER_BYTES,
            )
            await self._runner.setup()
            self.address = await self._listening(self._runner)
            _announce(settings.state_dir, self.address)
        except BaseException:
            await self.stop()
            raise
        return self.address

    async def drain(self) -> bool:
        """Refuse what is new, and answer all that was taken; False when the time for that ran out."""
        return await self._queue.drain(self.settings.drain_s)

    async def stop(self) -> None:
        """Now: what is not answered yet is told so, builds are killed, files of ours taken away."""
        if self._runner is not None:
            await self._queue.stop()
            self._board.end()
            await self._runner.cleanup()
        if self._judge is not None:
            await self._judge.close()
        if self.address is not None:
            (self.settings.state_dir / "service.json").unlink(missing_ok=True)
            if self.settings.unix is not None:
                self.settings.unix.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
        self._lock = self._judge = self._runner = self.address = None

    async def _listening(self, runner: web.AppRunner) -> Address:
        settings = self.settings
        url = None
        if settings.port is not None:
            try:
                site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)
                await site.start()
            except OSError as error:
                why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
                raise CesError(f"can't listen on {settings.host}:{settings.port}: {why}; choose another") from error
            host, port = runner.addresses[0][:2]
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        if settings.unix is not None:
            await web.SockSite(runner, unix_socket(settings.unix), backlog=BACKLOG).start()
        token_file = settings.token_file or settings.state_dir / "token"
        return Address(
            pid=os.getpid(),
            url=url,
            unix=None if settings.unix is None else str(settings.unix.absolute()),
            token_file=None if settings.open_to_all else str(token_file.absolute()),
            started_at=time.time(),
        )

    def _judged(self, request: CheckRequest, verdict: Verdict) -> None:
        self._board.judged(request, verdict)
        self._metrics.judged(request, verdict)

    def _gauges(self) -> list[tuple[str, str, float]]:
        at_work = [] if self._judge is None else self._judge.at_work
        known = self._board.known_bases
        return [
            ("ces_queue_length", "Requests that wait for the judge.", self._queue.waiting),
            ("ces_queue_limit", "How many may.", self._queue.limits.waiting),
            ("ces_in_hand", "Requests the judge has.", self._queue.in_hand),
            ("ces_workers", "Builds that may run at once.", len(at_work)),
            ("ces_workers_busy", "Builds that run.", sum(each is not None for each in at_work)),
            ("ces_draining", "1 while the service goes down.", self._queue.draining),
            ("ces_bases", "Bases on disk.", len(known)),
            ("ces_bases_bytes", "What they take.", sum(record.size_bytes for record in known)),
        ]

    def _counters(self) -> list[tuple[str, str, float]]:
        assert self._judge is not None
        count = self._judge.audits
        return [
            ("ces_audits", "Verdicts checked against a cold build.", count.audited),
            ("ces_audit_disagreements", "Those the cold build did not bear out.", count.disagreements),
            ("ces_audit_false_greens", "Of those, green where the build is red.", count.false_greens),
        ]


async def run(
    settings: ServiceSettings,
    started: Callable[[Address], None],
    judge: Callable[[JudgeSettings], Judging] = Judge,
) -> int:
    """Serve until SIGTERM or SIGINT, then drain; the exit status. A second signal ends it without the drain."""
    _raise_descriptor_limit()
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, signals.put_nowait, each)
    service = Service(settings, judge)
    started(await service.start())
    await signals.get()
    log.info("going down: what was taken is answered first")
    draining, again = asyncio.ensure_future(service.drain()), asyncio.ensure_future(signals.get())
    await asyncio.wait({draining, again}, return_when=asyncio.FIRST_COMPLETED)
    status = 128 + again.result() if again.done() else 0
    if not again.done() and not draining.result():
        log.warning("not all was answered within %.0f s", settings.drain_s)
    draining.cancel()
    again.cancel()
    try:
        async with asyncio.timeout(ENDED_WITHIN_S):
            await service.stop()
    except TimeoutError:
        log.error("the end took too long")  # the process's end kills the builds
        os._exit(1)
    return status


def running(state_dir: Path) -> Address | None:
    """Where the service of `state_dir` listens, None when none runs."""
    try:
        with (state_dir / "service.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        pass
    except OSError:
        return None
    try:
        return msgspec.json.decode((state_dir / "service.json").read_bytes(), type=Address)
    except (OSError, msgspec.DecodeError):
        return None


def unix_socket(path: Path) -> socket.socket:
    """A socket bound to `path` that only this user may connect to. What a killed service left there is replaced."""
    made = socket.socket(socket.AF_UNIX)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise CesError(f"{path} is no socket: remove it or choose another path")
        with socket.socket(socket.AF_UNIX) as other:
            if other.connect_ex(str(path)) == 0:
                raise CesError(f"another process listens on {path}")
        draft.unlink(missing_ok=True)
        made.bind(str(draft))
        draft.chmod(0o600)  # before anyone knows the name
        draft.replace(path)
    except OSError as error:
        made.close()
        raise CesError(f"can't listen on {path}: {error.strerror or error}") from error
    except BaseException:
        made.close()
        raise
    return made


def _limits(settings: ServiceSettings) -> Limits:
    slots = settings.slots or settings.judge.workers * SLOTS_A_WORKER
    return Limits(slots=slots, waiting=settings.queue_limit, waiting_bytes=settings.queue_bytes)


def _made(state_dir: Path) -> None:
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CesError(f"state directory {state_dir} can't be used: {error.strerror}; choose another") from error


def _locked(state_dir: Path) -> int:
    lock = os.open(state_dir / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            time.sleep(LOCK_POLL_S)  # one who only looks (`running`) holds it for a moment, too
    os.close(lock)
    found = running(state_dir)
    where = "" if found is None else f" (pid {found.pid}, {found.url or found.unix})"
    raise CesError(f"a service runs already in {state_dir}{where}: stop it first")


def _announce(state_dir: Path, address: Address) -> None:
    draft = state_dir / f".service.json-{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(msgspec.json.encode(address))
    draft.replace(state_dir / "service.json")


def _raise_descriptor_limit() -> None:
    """A connection is a descriptor: as many as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
