"""The daemon's process: `python -P -m aid.daemon`. Holds the lock, logs, listens, and ends in good order.

The starter reads from `--ready-fd` one line, "ready" or why there is no daemon; with `--take-over` "warm" before it.
"""

import argparse
import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TextIO

from aid import __version__, config, lifecycle, logs, proven
from aid.errors import AidError
from aid.protocol import VERSION
from aid.server.connection import LSP_MODULE
from aid.server.host import Host
from aid.server.server import Server

GRACE_S = 5.0
CLOSE_S = 8.0
STUCK_S = lifecycle.ENDING_S - 1.0
TAKE_OVER_S = 30.0  # more than it takes until a daemon that doesn't end is killed
# Threads that compute for requests make the loop wait so long for its turn, each of them, whenever it has slept. With
# Python's own 5 ms and six busy threads an answer of nothing took 40 ms, with this 8.
SWITCH_S = 0.001

log = logging.getLogger("aid.daemon")

MakeHost = Callable[[], Host]


def main(argv: Sequence[str] | None = None, make_host: MakeHost | None = None) -> int:
    """Run the daemon until it is told to end. Exit status 0 also when another one is running already."""
    parser = argparse.ArgumentParser(prog="aid-daemon", description="AID's daemon; 'aid start' runs it.")
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    parser.add_argument("--ready-fd", type=int, help="where to say that it listens, or why not")
    parser.add_argument("--take-over", action="store_true", help="wait for the daemon that runs to end")
    asked = parser.parse_args(argv)
    if asked.detach and os.fork():
        os._exit(0)
    announcement = Announcement(asked.ready_fd)
    try:
        announcement.take_turn()
        if asked.take_over:
            _prepare()
            announcement.warm()
            threading.Thread(target=_import_editors, name="aid-imports", daemon=True).start()
        _run(make_host or _real_host, announcement, take_over=asked.take_over)
    except AidError as error:
        announcement.say(str(error))
        return error.exit_code
    return 0


class Announcement:
    """The last word to whoever started this. Started by hand, it takes its turn among starters until then."""

    def __init__(self, ready_fd: int | None) -> None:
        self._ready_fd = ready_fd
        self._turn: TextIO | None = None
        self._said = False

    def take_turn(self) -> None:
        if self._ready_fd is None:
            self._turn = lifecycle.take_turn()

    def warm(self) -> None:
        """All is imported and read that can be while another daemon still serves."""
        if self._ready_fd is not None:
            os.write(self._ready_fd, f"{lifecycle.WARM}\n".encode())

    def say(self, line: str) -> None:
        """The first line counts; a later one, or one that nobody waits for any more, is only logged."""
        if self._said:
            log.error(line)
            return
        self._said = True
        if self._turn is not None:
            self._turn.close()
        if self._ready_fd is None:
            print(line, flush=True)
            return
        with suppress(BrokenPipeError):
            os.write(self._ready_fd, line.encode("utf-8") + b"\n")
        os.close(self._ready_fd)


def _prepare() -> None:
    """Import what a daemon needs, and see that its configuration can be read. Raises ConfigError.

    What is imported later holds up the requests that the old daemon left. pygls takes half of the time and is only for
    editors: where it is known to load it is left to `_import_editors`, to be run while the old daemon ends.
    """
    settings = config.load(None).config
    gc.disable()  # a tenth of the time: all that is made here stays
    import aid.session.host  # noqa: F401
    from aid import models

    for name in (settings.default_model, "hints"):
        with suppress(AidError, KeyError):
            models.make(name, settings.models[name])
    if not proven.loads(LSP_MODULE):
        proven.load(LSP_MODULE, beside=set(sys.modules))


def _import_editors() -> None:
    try:
        import_module(LSP_MODULE)
    finally:
        gc.freeze()
        gc.enable()


def _run(make_host: MakeHost, announcement: Announcement, *, take_over: bool) -> None:
    os.chdir("/")
    sys.setswitchinterval(SWITCH_S)
    become = lifecycle.take_over if take_over else lifecycle.hold
    place = become(VERSION, __version__, TAKE_OVER_S)
    if place is None:
        announcement.say(lifecycle.READY)
        return
    with place.lock:
        _start_log()
        asyncio.run(_serve(make_host, place.socket, announcement))


async def _serve(make_host: MakeHost, listening: socket.socket, announcement: Announcement) -> None:
    host = make_host()
    server = Server(host)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    await server.listen(listening)
    log.info("listening", extra={"pid": os.getpid(), "version": __version__})
    announcement.say(lifecycle.READY)
    warming = loop.create_task(_warm(host))
    await server.ended.wait()
    faulthandler.dump_traceback_later(STUCK_S)  # to daemon.out: what one that must be killed was at
    warming.cancel()
    log.info("ending", extra={"models": server.end_models, "restarting": server.restarting})
    await server.drain(GRACE_S)
    try:
        async with asyncio.timeout(CLOSE_S):
            await host.close(models=server.end_models)
    except TimeoutError:
        log.warning("not everything could be closed in time")
    log.info("ended")


async def _warm(host: Host) -> None:
    """So that the first request need not wait. Its one guard: a daemon that could not be warmed is only slower."""
    try:
        await host.warm()
    except Exception:
        log.exception("could not be warmed")


def _real_host() -> Host:
    from aid.session.host import Host as SessionHost

    return SessionHost(config.load)


def _start_log() -> None:
    settings = config.load(None).config.log
    logs.configure(settings.level, prompts=settings.prompts)


if __name__ == "__main__":
    sys.exit(main())
