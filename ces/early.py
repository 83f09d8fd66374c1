"""The early word on a change to a live tree: what a quick checker says of it while the build is still at work.

In: what the tree was built as, changes. Out: a `BuildStatus` or None, where only the build can say. It is never a
verdict: the build's own word follows and is compared with it.

A quick checker knows one green state of the tree, the one it was learnt from, and reads only a copy of what that build
left. Where the tree stands now (mostly red: that is when people ask) differs from it by the edits since, its drift, and
a change to the tree as it stands is drift and change together. So it lives through saves; it is learnt anew, in the
background, from a later green build when the drift has become large, or slow, or something it can't follow.
"""

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import msgspec

from ces import quick
from ces.aside import Aside, across
from ces.builder import Builder
from ces.builds.adapter import Step
from ces.change import FileChange, merge
from ces.errors import CesError
from ces.fingerprint import Entry
from ces.isolation import remove_tree
from ces.jobs import Jobs, Memory
from ces.process import Finished
from ces.quick import Quick, Ready
from ces.verdict import BuildStatus, EarlyCount
from ces.waiting import in_thread, wait_out

IDLE_S = 600.0
REMEMBERED = 256
FEW = 4  # files of drift that are checked along with every change sooner than learnt anew
MANY = 64  # more than that isn't tried
SLOW_CPU_MS = 200.0
TRIES = 3
_UNKNOWN = b"\0"  # what a file was in the learnt state isn't kept, only that it was there and otherwise

log = logging.getLogger(__name__)


class _Learnt:
    """A checker and the state of the tree it knows; `folder` is the copy it reads. `free`: nobody asks it now."""

    def __init__(self, digest: str, folder: Path) -> None:
        self.digest = digest
        self.folder = folder
        self.checker: Quick | None = None  # until it is started
        self.entries: Mapping[str, Entry] = {}
        self.asking = 0
        self.free = asyncio.Event()
        self.free.set()


class Early:
    """One a workspace. Keeps one checker, and that one's processes only while it is asked now and then."""

    def __init__(self, builder: Builder, folder: Path, idle_s: float = IDLE_S) -> None:
        """`folder` is its own; what processes that are gone have left there goes."""
        self.count = EarlyCount()
        self._builder = builder
        self._folder = folder
        self._idle_s = idle_s
        self._jobs = Jobs()
        self._aside: Aside | None = None
        self._learnt: _Learnt | None = None
        self._retired: set[_Learnt] = set()
        self._learning: asyncio.Task[None] | None = None
        self._stale = False
        self._failures = 0
        self._door = asyncio.Lock()  # held while a checker is put in place or to rest: nobody may ask it then
        self._resting: asyncio.TimerHandle | None = None
        self._said: Memory[BuildStatus] = Memory(REMEMBERED)
        self._checked: Memory[bool] = Memory(REMEMBERED)

    def built(self, digest: str) -> None:
        """The tree was built and is green in this state: learn it in the background, where that is worth it."""
        if self._failures < TRIES and (self._learning is None or self._learning.done()):
            self._learning = self._jobs.start(self._learn_if_due(digest))

    async def make_way(self) -> None:
        """Let go of the build's base: someone waits for it."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait({self._learning})

    async def settled(self) -> None:
        """Wait until nothing is being learnt or asked."""
        await self._jobs.settled()

    async def ask(self, key: str, digest: str, changes: Sequence[FileChange], timeout_s: float) -> BuildStatus | None:
        """The word on the tree, in the state `digest`, with `changes`. `key` stands for both.

        A caller who leaves doesn't stop it: processes that are starting warm up for the next one.
        """
        known = self._said.get(key)
        if known is not None:
            return known
        return await self._jobs.join(key, lambda: self._ask(key, digest, changes, timeout_s), lasting=True)

    def compare(self, key: str, build: BuildStatus) -> None:
        """Count whether the build's own word on what was asked under `key` bears the early one out."""
        self._checked.put(key, build.status == "green" or build.stage not in ("parse", "typecheck"))
        self._compare(key)

    async def close(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        await self._jobs.close()
        for learnt in (*self._retired, *([self._learnt] if self._learnt else ())):
            await self._forget(learnt)
        self._retired.clear()
        self._learnt = None
        if self._aside is not None:
            await self._aside.close()
            self._aside = None

    # --- learning ---

    async def _learn_if_due(self, digest: str) -> None:
        learnt = self._learnt
        if learnt is not None:
            _, drifted = await in_thread(lambda: self._builder.tree.differing(learnt.entries))
            if learnt.digest == digest or (not self._stale and len(drifted) <= FEW):
                return
        folder = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}"
        fresh = _Learnt(digest, folder)
        self._retired.add(fresh)  # until it is in its place
        try:
            await in_thread(lambda: _sweep(self._folder))
            entries = await self._builder.quick_apart(digest, folder, lambda *of: self._start(fresh, *of))
            if entries is not None:
                await self._builder.look()
                if await in_thread(lambda: self._builder.tree.is_as(entries)):
                    fresh.entries = entries
                    await wait_out(asyncio.ensure_future(self._place(fresh)))
            elif self._builder.stands_green(digest):
                self._failures += 1
        except (CesError, OSError) as error:  # only early words are lost
            self._failures += 1
            log.info("no quick checks in %s: %s", folder, error)
        finally:
            if self._learnt is not fresh:
                await wait_out(asyncio.ensure_future(self._retire(fresh)))

    async def _start(self, fresh: _Learnt, adapter: str, ready: Ready) -> Quick | None:
        here = asyncio.get_running_loop()

        async def run(step: Step) -> Finished:
            return await across(here, ready.run(step))

        fresh.checker = await across(self._side, quick.start(adapter, msgspec.structs.replace(ready, run=run)))
        return fresh.checker

    async def _place(self, fresh: _Learnt) -> None:
        async with self._door:
            before, self._learnt = self._learnt, fresh
        self._failures, self._stale = 0, False
        self._retired.discard(fresh)
        if before is not None:
            self._retired.add(before)
            self._jobs.start(self._retire(before))

    async def _retire(self, learnt: _Learnt) -> None:
        await learnt.free.wait()
        await self._forget(learnt)
        self._retired.discard(learnt)

    async def _forget(self, learnt: _Learnt) -> None:
        if learnt.checker is not None:
            await across(self._side, learnt.checker.close())
        await in_thread(lambda: remove_tree(learnt.folder))

    @property
    def _side(self) -> asyncio.AbstractEventLoop:
        """Where checkers run: they plan in Python what to check."""
        if self._aside is None:
            self._aside = Aside("early words")
        return self._aside.loop

    # --- asking ---

    async def _ask(self, key: str, digest: str, changes: Sequence[FileChange], timeout_s: float) -> BuildStatus | None:
        async with self._in_use() as learnt:
            said, drifted = None, 0
            if learnt is not None and learnt.checker is not None:
                drift = await in_thread(lambda: self._drift(learnt, digest))
                drifted = MANY if drift is None else len(drift)
                if drift is not None:
                    said = await across(self._side, learnt.checker.check(merge(drift, changes), timeout_s))
        if learnt is None or (drifted and (said is None or said.cpu_ms > SLOW_CPU_MS)):
            self._stale = True
            if self._builder.stands_green(digest):
                self.built(digest)
        if learnt is not None:
            self._count(said)
        if said is not None:
            self._said.put(key, said)
            self._compare(key)
        return said

    @contextlib.asynccontextmanager
    async def _in_use(self) -> AsyncIterator[_Learnt | None]:
        async with self._door:
            learnt = self._learnt
            if learnt is not None:
                learnt.asking += 1
                learnt.free.clear()
        try:
            yield learnt
        finally:
            if learnt is not None:
                learnt.asking -= 1
                if not learnt.asking:
                    learnt.free.set()
                self._rest_later()

    def _drift(self, learnt: _Learnt, digest: str) -> tuple[FileChange, ...] | None:
        """How the state `digest` differs from what was learnt; None where that is too much, or the tree is past it."""
        if digest == learnt.digest:
            return ()
        seen, paths = self._builder.tree.differing(learnt.entries)
        if len(paths) > MANY or seen != digest:
            return None
        drift = []
        for path in sorted(paths):
            before = _UNKNOWN if path in learnt.entries else None
            try:
                after = (self._builder.tree.root / path).read_bytes()
            except FileNotFoundError:
                after = None
            except OSError:
                return None
            if before is not None or after is not None:
                drift.append(FileChange(path=path, before=before, after=after))
        return tuple(drift)

    def _rest_later(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.get_running_loop().call_later(self._idle_s, lambda: self._jobs.start(self._rest()))

    async def _rest(self) -> None:
        """End the processes; the copy stays, and the next to ask starts them anew."""
        async with self._door:
            if self._learnt is not None and self._learnt.checker is not None and not self._learnt.asking:
                await across(self._side, self._learnt.checker.close())

    # --- counting ---

    def _count(self, said: BuildStatus | None) -> None:
        now = self.count
        self.count = msgspec.structs.replace(
            now,
            red=now.red + (said is not None and said.status == "red"),
            green=now.green + (said is not None and said.status == "green"),
            unsure=now.unsure + (said is None),
        )

    def _compare(self, key: str) -> None:
        """Once both words are there; whichever came second calls this."""
        said, checked = self._said.get(key), self._checked.get(key)
        if said is None or checked is None:
            return
        now = self.count
        wrong = (said.status == "green") != checked
        self.count = msgspec.structs.replace(
            now,
            compared=now.compared + 1,
            false_reds=now.false_reds + (wrong and checked),
            false_greens=now.false_greens + (wrong and not checked),
        )
        if wrong:
            log.error("a quick check was %s, and the build says otherwise (%s)", said.status, key)


def _sweep(folder: Path) -> None:
    """Remove what processes that are gone have left."""
    for left in folder.glob("*-*"):
        if not Path("/proc", left.name.partition("-")[0]).exists():
            remove_tree(left)
