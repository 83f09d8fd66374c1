"""Whether checks hold up the daemon's loop: the longest it was away during checks of a workspace of 20,000 files.

    .venv/bin/python bench/ces_stall.py [FILES] [MODULES]

A dune project of MODULES modules beside FILES other files. Twenty changes are checked, red and green by turns, with
early words, and after every fifth a file is saved. Prints the longest time that one callback of the main event loop
took (its own CPU time, and by the clock), and by how much a timer due every 2 ms was late at worst, with the checks and
without any.
"""

import asyncio
import asyncio.events
import contextlib
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from ces_check import project

from ces.builds.adapter import BuildSettings
from ces.change import FileChange
from ces.check import Checker

CHECKS = 20
SAVED_AFTER = 5
TICK_S = 0.002


class Timed:
    """The longest callback so far, by its own CPU time and by the clock, and whose it was."""

    def __init__(self) -> None:
        self.cpu_ms = self.wall_ms = 0.0
        self.cpu_of = self.wall_of = ""


def named(handle: asyncio.Handle) -> str:
    task = getattr(getattr(handle, "_callback", None), "__self__", None)
    of: object = task.get_coro() if isinstance(task, asyncio.Task) else handle
    return str(getattr(of, "__qualname__", repr(of)[:100]))


@contextlib.contextmanager
def callbacks_timed(found: Timed):  # type: ignore[no-untyped-def]
    run = asyncio.events.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        if threading.current_thread() is not threading.main_thread():
            run(handle)
            return
        cpu, wall = time.thread_time(), time.monotonic()
        run(handle)
        cpu_ms, wall_ms = (time.thread_time() - cpu) * 1000, (time.monotonic() - wall) * 1000
        if cpu_ms > found.cpu_ms:
            found.cpu_ms, found.cpu_of = cpu_ms, named(handle)
        if wall_ms > found.wall_ms:
            found.wall_ms, found.wall_of = wall_ms, named(handle)

    asyncio.events.Handle._run = timed  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        asyncio.events.Handle._run = run  # type: ignore[method-assign]


@contextlib.asynccontextmanager
async def ticking(late_ms: list[float]) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            late_ms.append((time.monotonic() - due) * 1000)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()


async def checks(checker: Checker, root: Path, path: str, saved: str) -> None:
    before = (root / path).read_bytes()
    for number in range(CHECKS):
        if number % SAVED_AFTER == 0:
            (root / saved).write_text(f"{number}\n")
        right = number % 2
        after = before + f"let fresh = {number} + {'1' if right else 'true'}\n".encode()
        change = FileChange(path=path, before=before, after=after)
        verdict = await checker.check([change], budget_s=120, on_red=lambda _: None)
        assert verdict.status == ("green" if right else "red"), verdict


async def main(files: int, modules: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ces-bench"))
    root = folder / "project"
    project(root, modules)
    for number in range(files):
        beside = root / f"notes/{number // 100}"
        beside.mkdir(parents=True, exist_ok=True)
        (beside / f"{number}.md").write_text(f"{number}\n")
    checker = Checker(root, BuildSettings(), folder / "state")
    found, late, idle = Timed(), list[float](), list[float]()
    with callbacks_timed(found):
        async with ticking(late):
            started = time.monotonic()
            await checker.status()
            await checker.settled()
            await checks(checker, root, f"lib/m{modules - 1}.ml", "notes/0/0.md")
            spent = time.monotonic() - started
    async with ticking(idle):
        await asyncio.sleep(min(spent, 20.0))
    print(f"{files} files, {modules} modules, {CHECKS} checks: {checker.early_count}")
    print(f"the longest callback: {found.cpu_ms:.1f} ms of CPU ({found.cpu_of})")
    print(f"by the clock, others' use of the machine included: {found.wall_ms:.1f} ms ({found.wall_of})")
    print(f"a timer was late by {max(late):.1f} ms at worst, without checks by {max(idle):.1f} ms")
    await checker.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(*(words + [20_000, 60][len(words) :])))
