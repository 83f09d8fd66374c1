"""Into a Ray cluster and out of it again, leaving this process's signals alone."""

import contextlib
import logging
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from typing import Any

from ces.errors import CesError

log = logging.getLogger(__name__)

# Loopback: Ray takes 127.0.0.1 for the machine's outward address.
OWN_ADDRESS = "127.0.0.2"
OBJECT_STORE_BYTES = 128 << 20  # nothing large goes through it
CONNECT_S = 5.0
HEAD_LOST_S = 20  # without its head Ray ends this process after a minute otherwise; `ces.cluster.link` starts another
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def connected(address: str | None, workers: int) -> Iterator[None]:
    """Within the cluster at `address` (HOST:PORT), that of RAY_ADDRESS, else one of our own with `workers` CPUs.

    Call it from the main thread, before there is an event loop and before Ray is imported: it takes seconds. Raises
    CesError.
    """
    where = address or os.environ.get("RAY_ADDRESS") or "local"
    if "://" in where:
        raise CesError(f"{where} is no address of a cluster's own: give HOST:PORT, and run this on one of its nodes")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(HEAD_LOST_S))
    if where == "local" and "RAY_AUTH_MODE" not in os.environ:
        # Ray listens on every interface, and whoever reaches it can run code. It reads these when it is imported.
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise CesError("Ray is not installed: run \"pip install 'aid[cluster]'\"") from error
    if where not in ("local", "auto"):
        _answers(where)
    handlers = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        ray.init(**_arguments(where, workers))
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise CesError(f"can't join the Ray cluster at {where}: {str(error).partition(chr(10))[0]}") from error
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)  # Ray's own end the process there and then
    try:
        yield
    finally:
        ray.shutdown()


def _answers(where: str) -> None:
    """Raise CesError where nobody listens: Ray itself would try for minutes."""
    host, _, port = where.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_S):
            pass
    except (OSError, ValueError, OverflowError) as error:
        why = str(error.strerror or "no answer").lower() if isinstance(error, OSError) else "give HOST:PORT"
        raise CesError(f"no Ray cluster at {where}: {why}; 'ray start --head' starts one") from error


def _arguments(where: str, workers: int) -> dict[str, Any]:
    every = {"log_to_driver": False, "logging_level": logging.WARNING}
    host = where.rpartition(":")[0]
    if where == "local":
        own = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
        return {**every, **own, "address": where, "_node_ip_address": OWN_ADDRESS}
    if host.startswith("127."):
        return {**every, "address": where, "_node_ip_address": host}
    return {**every, "address": where}
