"""The daemon's listening end: accepts clients on a unix socket, counts them, and lets them go in good order."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from aid import __version__
from aid.lifecycle import BACKLOG
from aid.logs import log_path
from aid.protocol import VERSION, Empty, ShutdownParams, StatusParams, StatusResult
from aid.server.connection import Connection
from aid.server.host import Host
from aid.server.routes import routes
from aid.server.wire import Limits, Wire
from aid.session.client import Client
from aid.session.kept import Kept

log = logging.getLogger("aid.server")

FAREWELL_S = 1.0
HANDOVER_S = 0.02  # what isn't done by then, the next daemon does


class Server:
    """`ended` is set when someone asked the daemon to end; whoever runs the server then calls `drain`."""

    def __init__(self, host: Host, limits: Limits | None = None) -> None:
        self.ended = asyncio.Event()
        self.end_models = False
        self.restarting = False
        self._kept = Kept()
        self._host = host
        self._limits = limits or Limits()
        self._routes = routes(host, {"aid/status": self._status, "aid/shutdown": self._shutdown})
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._path: Path | None = None
        self._started = time.monotonic()

    async def listen(self, listening: socket.socket) -> None:
        """Serve who connects at `listening`, a bound unix socket, whose file `drain` removes."""
        self._path = Path(listening.getsockname())
        self._listener = await asyncio.get_running_loop().create_unix_server(
            self._accepted, sock=listening, backlog=BACKLOG
        )

    def end(self, *, models: bool = False, restart: bool = False) -> None:
        """Ask for the end; `models`: of the model workers too. `restart`: another daemon is about to take over."""
        self.end_models = self.end_models or models
        self.restarting = self.restarting or restart
        self.ended.set()

    async def drain(self, grace_s: float) -> None:
        """Take no more clients or requests, give those running `grace_s`, cancel the rest, and say goodbye.

        What bridges ask meanwhile is left to the next daemon. When one takes over, so is what they asked before, after
        `HANDOVER_S`.
        """
        if (
            self._path is not None
        ):  # before the listener closes: from Python 3.13 on it looks whether it is still its own
            self._path.unlink(missing_ok=True)
        if self._listener is not None:
            self._listener.close()
        handed_over = [each for each in self._connections if self.restarting and each.bridged]
        for connection in self._connections:
            connection.draining = True
        for connection in handed_over:
            connection.hand_over()
        await self._settle(handed_over, min(grace_s, HANDOVER_S))
        _cancel(handed_over)
        await self._settle(self._connections, grace_s)
        _cancel(self._connections)
        await self._settle(self._connections, FAREWELL_S)
        remaining = list(self._connections)
        for connection in remaining:
            if connection.bridged:
                connection.say_ending(restart=self.restarting)
            connection.wire.close()
        await self._all_closed(remaining)
        for connection in list(self._connections):
            connection.wire.abort()
        await asyncio.to_thread(self._kept.close)

    @staticmethod
    async def _settle(connections: Iterable[Connection], timeout_s: float) -> None:
        running = [task for connection in connections for task in connection.running]
        if running:
            await asyncio.wait(running, timeout=timeout_s)
            await asyncio.sleep(0)  # let the answers be written

    async def _all_closed(self, connections: list[Connection]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await asyncio.gather(*(connection.closed.wait() for connection in connections))

    def _accepted(self) -> Wire:
        connection = Connection(self._host, self._routes, self._limits, self._left, self._kept)
        self._connections.add(connection)
        self._host.joined(connection)
        log.debug("connected", extra={"client": connection.number})
        return connection.wire

    def _left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._host.left(connection)

    async def _status(self, params: StatusParams, client: Client) -> StatusResult:
        found = await self._host.status()
        return StatusResult(
            version=__version__,
            protocol=VERSION,
            pid=os.getpid(),
            uptime_s=round(time.monotonic() - self._started, 3),
            clients=len(self._connections),
            requests_running=found.running,
            rss_bytes=_rss_bytes(),
            workspaces=found.workspaces,
            models=found.models,
            config_error=found.config_error,
            socket=str(self._path or ""),
            log=str(log_path()),
        )

    async def _shutdown(self, params: ShutdownParams, client: Client) -> Empty:
        self.end(models=params.models, restart=params.restart)
        return Empty()


def _cancel(connections: Iterable[Connection]) -> None:
    for connection in connections:
        for task in connection.running:
            task.cancel()


def _rss_bytes() -> int:
    """proc(5): the second field of statm is resident pages."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
