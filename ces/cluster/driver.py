"""The process that is in the cluster: `python -m ces.cluster.driver DESCRIPTOR`, started by `ces.cluster.link`.

Ray ends a process when the cluster's head or the node's own raylet is lost. So the process that Ray is in is not the
service, which goes on answering, and starts another of these.
"""

import asyncio
import contextlib
import logging
import pickle
import socket
import sys
from typing import Any

import msgspec

from ces.cluster.connect import connected
from ces.cluster.frames import Answer, Check, Failed, Queued, Ready, State, Told, body, framed
from ces.cluster.settings import ClusterSettings
from ces.errors import BadChange, CesError
from ces.request import CheckRequest
from ces.verdict import Verdict

log = logging.getLogger(__name__)

STATE_EVERY_S = 1.0
STATE_LEAST_S = 0.1


class Start(msgspec.Struct, frozen=True):
    """`own_workers` is for a cluster that has to be started here."""

    address: str | None
    own_workers: int
    settings: ClusterSettings


class Driver:
    def __init__(self, settings: ClusterSettings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from ces.cluster.pool import ClusterJudge  # imports Ray, which `connected` has to do first

        self._judge = ClusterJudge(settings)
        self._reader = reader
        self._writer = writer
        self._slots = 1
        self._queued = 0
        self._checks: dict[int, asyncio.Task[None]] = {}
        self._judge.attach(lambda: self._queued, self._resized)

    async def run(self) -> None:
        """Until the service is gone."""
        self._writer.write(framed(Ready()))
        telling = asyncio.ensure_future(self._tell())
        while (told := await body(self._reader)) is not None:
            self._do(msgspec.msgpack.decode(told, type=Told))
        tasks = [telling, *self._checks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._judge.close()

    def _do(self, told: Told) -> None:
        if isinstance(told, Queued):
            self._queued = told.count
        elif isinstance(told, Check):
            task = self._checks[told.number] = asyncio.ensure_future(self._check(told))
            task.add_done_callback(lambda _: self._checks.pop(told.number, None))
        elif told.number in self._checks:
            self._checks[told.number].cancel()

    async def _check(self, told: Check) -> None:
        try:
            verdict = await self._judge.check(msgspec.msgpack.decode(told.request, type=CheckRequest))
            answer = Answer(told.number, verdict)
        except BadChange as error:
            answer = Answer(told.number, bad=str(error))
        except Exception as error:
            log.exception("a check failed in a way nobody thought of")
            failed = Verdict(status="infra_error", stage=None, reason=f"the cluster's judge failed: {error!r}")
            answer = Answer(told.number, failed)
        self._writer.write(framed(answer))
        await self._writer.drain()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(STATE_LEAST_S)
            self._writer.write(framed(self._state()))
            await self._writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATE_EVERY_S):
                    await self._judge.moved()

    def _state(self) -> State:
        return State(
            slots=self._slots,
            at_work=tuple(self._judge.at_work),
            audits=self._judge.audits,
            bases=tuple(self._judge.bases.records()),
            count=self._judge.count(),
        )

    def _resized(self, slots: int) -> None:
        self._slots = slots


async def _run(settings: ClusterSettings, link: socket.socket) -> None:
    link.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=link)
    try:
        await Driver(settings, reader, writer).run()
    finally:
        writer.close()


def main(descriptor: int) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with socket.socket(fileno=descriptor) as link:
        start: Start = _started(link)
        try:
            with connected(start.address, start.own_workers):
                asyncio.run(_run(start.settings, link))
        except CesError as error:
            with contextlib.suppress(OSError):
                link.sendall(framed(Failed(str(error))))
            return 1
    return 0


def _started(link: socket.socket) -> Any:
    with link.makefile("rb") as stream:
        return pickle.load(stream)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
