"""`python -m aid.models.worker`: load one model, say so, serve until told to stop or left alone for long.

Whoever starts it learns on `--ready-fd` how it went: "ready" or "error " and one line, then the end of the file. It
holds an exclusive lock on its pid file while it lives, so a pid file nobody locks is stale whatever its number says.
"""

import argparse
import asyncio
import fcntl
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from aid.errors import AidError, ModelError
from aid.models.worker.engine import ENGINES, EngineSettings, make_engine
from aid.models.worker.server import WorkerServer

STOP_S = 2.0  # what requests under way are given to notice that it is over
IDLE_S = 1800.0


def main() -> int:
    arguments = _arguments()
    if arguments.detach:
        if os.fork():
            os._exit(0)
        os.setsid()
    os.umask(0o177)  # sockets, 0600
    # Threads that spin while they wait are fast on an idle machine and ruin a busy one (4 tokens a second).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    socket = Path(arguments.socket)
    pid_file = socket.with_suffix(".pid")
    try:
        lock = _locked(pid_file)
        socket.unlink(missing_ok=True)  # ours to remove, under the lock: who bound it is dead
        asyncio.run(_serve(arguments, socket))
    except AidError as error:
        _report(arguments.ready_fd, f"error {error}")
        print(f"aid model worker: {error}", file=sys.stderr)
        return 2
    socket.unlink(missing_ok=True)
    pid_file.unlink(missing_ok=True)
    os.close(lock)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aid.models.worker", description="Serve one GGUF model.")
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--model", required=True, metavar="FILE")
    parser.add_argument("--ctx", type=int, default=8192, metavar="TOKENS", help="of one request, prompt and answer")
    parser.add_argument("--parallel", type=int, default=4, help="candidates decoded together")
    # More threads than this wait for memory, and for each other.
    parser.add_argument("--threads", type=int, default=min(8, len(os.sched_getaffinity(0))))
    parser.add_argument("--socket", required=True, metavar="PATH")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="end after so long without a request")
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--detach", action="store_true", help="go on in a session of its own")
    return parser.parse_args()


def _locked(pid_file: Path) -> int:
    """The pid file, ours until we die."""
    lock = os.open(pid_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ModelError(f"another worker holds {pid_file}: use that one or end it first") from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


async def _serve(arguments: argparse.Namespace, socket: Path) -> None:
    settings = EngineSettings(
        model=Path(arguments.model),
        context_tokens=arguments.ctx,
        parallel=arguments.parallel,
        threads=arguments.threads,
        socket=socket.with_name(f"{socket.stem}-in.sock"),
    )
    engine = await make_engine(arguments.engine, settings)
    server = WorkerServer(engine, arguments.engine, settings, arguments.idle_s)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stopping.set)
    runner = web.AppRunner(
        server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=STOP_S, handle_signals=False
    )
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    _report(arguments.ready_fd, "ready")
    await server.stopping.wait()
    # Nobody is to find us from here on: they start another, which waits for our lock.
    await asyncio.to_thread(socket.unlink, missing_ok=True)
    await runner.cleanup()
    await engine.close()
    settings.socket.unlink(missing_ok=True)


def _report(ready_fd: int | None, line: str) -> None:
    if ready_fd is not None:
        try:
            os.write(ready_fd, f"{line}\n".encode())
            os.close(ready_fd)
        except BrokenPipeError:
            pass  # whoever started us is gone; the next one finds us by the socket


if __name__ == "__main__":
    sys.exit(main())
