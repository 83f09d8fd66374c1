"""The Ray actor: a node's judge. In: requests, in msgpack. Out: replies, in msgpack; it raises nothing of its own.

<state>/nodes/<host>-<n>/   what it keeps: its host's, so that a node that comes back has its bases still
                      lock  held while it lives; several nodes of one host take the next n
"""

import fcntl
import logging
import os
import socket
from pathlib import Path

import msgspec

from ces import VERSION, isolation
from ces.bases import BaseRecord, ours
from ces.errors import BadChange, InfraError
from ces.judge import AuditCount, Judge, JudgeSettings, Running
from ces.request import CheckRequest
from ces.verdict import Verdict
from ces.waiting import in_thread

log = logging.getLogger(__name__)

MOST_NODES_A_HOST = 64


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of: a verdict; why the request can't be meant; `absent`: the workspace is not to be seen on this node."""

    verdict: Verdict | None = None
    bad: str | None = None
    absent: bool = False


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    pid: int
    folder: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the node is at, as `Judge` says it."""

    at_work: tuple[Running | None, ...] = ()
    audits: AuditCount = AuditCount()
    bases: tuple[BaseRecord, ...] = ()


class Worker:
    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self._judge: Judge | None = None
        self._lock: int | None = None

    async def hello(self) -> bytes:
        """Open the judge; to be called first. Raises InfraError where the disk won't have it, and NoIsolation."""
        folder, self._lock = await in_thread(lambda: claim(self._settings.bases.state_dir / "nodes"))
        found = await isolation.probe(folder, folder, self._settings.bases.kinds)
        isolation.require(found, allow_unsafe=self._settings.allow_unsandboxed)
        shared = tuple(map(Path, ours(self._settings.bases.state_dir)))  # with the service and the host's other nodes
        bases = msgspec.structs.replace(self._settings.bases, state_dir=folder, concealed=shared)
        self._judge = Judge(msgspec.structs.replace(self._settings, bases=bases))
        return msgspec.msgpack.encode(Hello(version=VERSION, pid=os.getpid(), folder=str(folder)))

    async def check(self, asked: bytes) -> bytes:
        reply = await self._reply(msgspec.msgpack.decode(asked, type=CheckRequest))
        return msgspec.msgpack.encode(reply)

    async def report(self) -> bytes:
        judge = self._opened()
        bases = await in_thread(judge.bases.records)
        report = Report(at_work=tuple(judge.at_work), audits=judge.audits, bases=tuple(bases))
        return msgspec.msgpack.encode(report)

    async def close(self) -> None:
        """End builds and helpers, and let go of the folder."""
        if self._judge is not None:
            await self._judge.close()
        if self._lock is not None:
            os.close(self._lock)
        self._judge = self._lock = None

    async def _reply(self, request: CheckRequest) -> Reply:
        root = Path(request.workspace)
        if root.is_absolute() and not await in_thread(root.is_dir):
            return Reply(absent=True)
        try:
            return Reply(verdict=await self._opened().check(request))
        except BadChange as error:
            return Reply(bad=str(error))
        except Exception as error:
            log.exception("a check failed in a way nobody thought of")
            return Reply(verdict=Verdict(status="infra_error", stage=None, reason=f"the judge failed: {error!r}"))

    def _opened(self) -> Judge:
        if self._judge is None:
            raise InfraError("the node's judge is not open")
        return self._judge


def claim(nodes: Path) -> tuple[Path, int]:
    """A folder for one process of this host, and the lock that makes it so. Raises InfraError."""
    host = socket.gethostname()
    try:
        for number in range(MOST_NODES_A_HOST):
            folder = nodes / f"{host}-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return folder, lock
    except OSError as error:
        raise InfraError(f"{nodes} can't be used: {error.strerror}") from error
    raise InfraError(f"{MOST_NODES_A_HOST} judges run on {host} already")
