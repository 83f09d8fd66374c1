"""Which folder a base has for this process: one that no other process has open.

A base is open in one process at a time, held by a lock that goes with the process, however it ends. A process that
finds a base open elsewhere waits a little, for most are done soon; then it takes a copy beside it, which it builds for
itself and the next such process finds built.

    <bases>/<id>      the base
            <id>+1    its copy, where another process had <id> open, and so on
"""

import asyncio
import fcntl
import os
import time
from pathlib import Path

import msgspec

from ces.errors import InfraError

POLL_S = 0.2
COPIES = 16


class Claim(msgspec.Struct, frozen=True):
    """`lock` is a descriptor: closing it lets go of `folder`."""

    folder: Path
    lock: int


async def claimed(bases: Path, base: str, wait_s: float) -> Claim:
    """A folder for `base`, locked; after `wait_s` a new copy.

    Raises InfraError where as many processes as there may be copies have it open.
    """
    first, *copies = (bases / base, *(bases / f"{base}+{number}" for number in range(1, COPIES)))
    there = [folder for folder in copies if folder.is_dir()]
    deadline = time.monotonic() + wait_s
    while True:
        for folder in (first, *there):
            found = _lock(folder)  # here: a thread's descriptor would be lost with a cancelled waiter
            if found is not None:
                return Claim(folder, found)
        if time.monotonic() >= deadline:
            break
        await asyncio.sleep(POLL_S)
    for folder in copies:
        found = _lock(folder)
        if found is not None:
            return Claim(folder, found)
    raise InfraError(f"{COPIES} other processes, as 'aid ces serve', have base {base} open: stop or ask one of them")


def unclaimed(folder: Path) -> int | None:
    """The lock of a base that is there and that no process has open, else None."""
    return _lock(folder, make=False)


def _lock(folder: Path, *, make: bool = True) -> int | None:
    """None while another holds it, or has just evicted the base."""
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (FileNotFoundError, FileExistsError):  # mkdir's word for one that goes as it looks again
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), (folder / "lock").stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None
