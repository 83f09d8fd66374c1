"""Looks, some time after a change set was applied, how much of it survives, and records that.

What is watched is in the database too, as hashes of lines, so a restarted daemon goes on. A time that passed while
nobody looked (the daemon was down, the machine slept) is left out rather than measured too late.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aid.metrics.store import Metrics, Watched
from aid.metrics.survival import AFTER_S, added_lines, surviving
from ces.change import FileChange

log = logging.getLogger(__name__)

LATE_FRACTION = 0.5
MAX_FILE_BYTES = 16 * 1024 * 1024
Read = Callable[[Path, str], Awaitable[bytes | None]]


async def read_from_disk(root: Path, path: str) -> bytes | None:
    """The file's content; None where there is none to read."""
    return await asyncio.to_thread(_read, root / path)


class SurvivalWatch:
    """`watch` what was applied; `run` as a background task. The time is `metrics.clock`'s.

    `read` gives a workspace's file as the person sees it (unsaved text included); None: it is gone.
    """

    def __init__(self, metrics: Metrics, read: Read = read_from_disk) -> None:
        self._metrics = metrics
        self._read = read
        self._watched: dict[str, tuple[Watched, list[float]]] = {}
        self._changed = asyncio.Event()

    def watch(self, request: str, applied: str, root: Path, changes: Sequence[FileChange]) -> None:
        """Look for the lines that `changes` added, beginning now. Nothing where it added none."""
        lines = added_lines(changes)
        if lines is not None:
            watched = Watched(applied=applied, request=request, at=self._metrics.clock(), root=root, lines=lines)
            self._metrics.watch(watched)
            self._watched[applied] = (watched, list(AFTER_S))
            self._changed.set()

    async def run(self) -> None:
        """Measure whenever something is due, until cancelled."""
        await self.resume()
        while True:
            due = self.next_due()
            self._changed.clear()
            try:
                async with asyncio.timeout(None if due is None else max(0.0, due - self._metrics.clock())):
                    await self._changed.wait()
            except TimeoutError:
                await self.measure()

    async def resume(self) -> None:
        """Take up what an earlier daemon watched."""
        try:
            found = await asyncio.to_thread(self._metrics.watched)
        except (sqlite3.Error, OSError) as error:
            log.warning("metrics: the survival of earlier edits is lost: %s", error)
            return
        for watched in found:
            self._watched.setdefault(watched.applied, (watched, list(AFTER_S)))
        await self.measure()

    def next_due(self) -> float | None:
        """When `measure` has something to do next, in the clock's time; None: never."""
        return min((watched.at + left[0] for watched, left in self._watched.values()), default=None)

    async def measure(self) -> None:
        """Measure all that is due by now."""
        for applied, (watched, left) in list(self._watched.items()):
            while left and watched.at + left[0] <= self._metrics.clock():
                await self._measure(watched, left.pop(0))
            if not left:
                self._watched.pop(applied, None)
                self._metrics.forget(applied)

    async def _measure(self, watched: Watched, after_s: float) -> None:
        if self._metrics.clock() - watched.at > after_s * (1 + LATE_FRACTION):
            return
        now = {path: await self._read(watched.root, path) for path in watched.lines.files}
        self._metrics.survived(watched, after_s, surviving(watched.lines, now))


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as opened:
            return opened.read(MAX_FILE_BYTES)
    except OSError:
        return None
