"""`aid restart`, without what the command line is made of: whoever types it waits for every import."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from aid import lifecycle
from aid.paths import socket_path

if TYPE_CHECKING:
    from aid.client import Client

STOP_TIMEOUT_S = 20.0
KILL_GRACE_S = 5.0
ASK_TIMEOUT_S = 10.0


def restart(*, as_json: bool) -> None:
    """Raises AidError; a daemon that runs then runs on, unless it was the one that could not be ended."""
    with ExitStack() as held:

        def prepare(pid: int) -> lifecycle.Ending:
            """Meanwhile the new one is at its own imports."""
            client = reach()
            if client is not None:
                held.enter_context(client)
            return lifecycle.Ending(lambda: _end_for_the_next(client, pid), lambda: lifecycle.kill(pid))

        old = lifecycle.restart(prepare)
    if old is not None and old.pid:
        lifecycle.wait_ended(old.pid, STOP_TIMEOUT_S)
    report("restarted", as_json=as_json)


def reach() -> Client | None:
    """A connection to whatever daemon runs, to end it by; None where there is none to be had."""
    from aid.client import connect
    from aid.errors import DaemonError

    try:
        return connect(start=False, any_version=True)
    except DaemonError:
        return None


def ask_to_end(client: Client | None, *, models: bool = False, restart: bool = False) -> bool:
    """Whether the daemon could be told."""
    from aid.errors import DaemonError
    from aid.protocol import ShutdownParams

    if client is None:
        return False
    try:
        client.call("aid/shutdown", ShutdownParams(models=models, restart=restart), timeout_s=ASK_TIMEOUT_S)
    except DaemonError:
        return False
    return True


def report(word: str, *, as_json: bool) -> None:
    """Print who is the daemon now."""
    owner = lifecycle.holder()
    pid = owner.pid if owner is not None else 0
    if as_json:
        import json

        print(json.dumps({"running": owner is not None, "pid": pid, "socket": str(socket_path(lifecycle.NAME))}))
    else:
        print(f"{word}, pid {pid}")


def _end_for_the_next(client: Client | None, pid: int) -> None:
    """Ask the daemon to end and don't wait: the next one, which does, serves before the old process is quite gone."""
    if not ask_to_end(client, restart=True) and pid:
        lifecycle.end(pid, KILL_GRACE_S)
