"""Building a workspace in views: the tree as it stands, or with changes over it.

In: a workspace's root and settings. Out: `BuildStatus`. Knows adapters, isolation, views and their turns; knows nothing
of caching, budgets for several builds, or what a change makes better or worse (`ces.check` does).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from ces import builds, isolation, quick, steps, workspace
from ces.builds.adapter import Adapter, BuildSettings
from ces.change import FileChange
from ces.errors import CesError, InfraError, Killed
from ces.fingerprint import Entry, Fingerprint, Look
from ces.isolation import Isolation, Kind, Place
from ces.limits import share
from ces.process import SPAWNER
from ces.quick import Quick, Ready
from ces.turns import Turns
from ces.verdict import BuildStatus, Diagnostic, Stage, Status
from ces.waiting import in_thread, wait_out

DISABLED = "none"
TRIES = 3
QUICK_START_S = 300.0
Start = Callable[[str, Ready], Awaitable[Quick | None]]
CHANGING = "the workspace kept changing while it was being built"


class Builder:
    """One workspace's views and how to build in them. Made by `set_up`."""

    def __init__(
        self, root: Path, settings: BuildSettings, adapter: Adapter, found: Isolation, views: workspace.Views
    ) -> None:
        self.adapter = adapter
        self.isolation = found
        self.tree = Fingerprint(root, adapter.outputs)
        self._root = root
        self._settings = settings
        self._limits = share(views.side_by_side)
        self._views = views
        self._turns = Turns(views.side_by_side)
        self._changed: set[str] = set()  # since the base was last built
        self._built_ns: int | None = None
        self._frozen: Look | None = None
        self._whole = False  # whether every step short of the tests has run in the base
        self._standing: str | None = None  # the state of the tree that the base has a green build of
        self._hopeful = True  # whether the last view was green: the best guess at the next

    @property
    def kept(self) -> bool:
        """Whether what an earlier process's build of the tree left is still there and counts."""
        return self._views.kept

    async def look(self) -> Look:
        """Which state the tree is in now."""
        if self._frozen is not None:
            return self._frozen
        look = await in_thread(self.tree.look)
        self._changed |= look.changed
        return look

    async def falls_short(self) -> bool:
        """Whether there is a step that can't be run here now: what it lacks may have been installed meanwhile."""
        return any(step.lacks for step in await in_thread(lambda: self.adapter.steps(self._root, self._settings)))

    async def build_tree(self, deadline: float) -> tuple[Look, BuildStatus]:
        """Build the tree as it stands, keeping what the build leaves; and which state that was the status of.

        `deadline` is on `time.monotonic`'s clock.
        """
        built = self._failed(CHANGING)
        for _ in range(TRIES):
            async with self._turns.base():
                self._standing = None
                look = await self.look()
                built = await self._guarded(self._build_base(deadline))
            if built.status == "infra_error":
                continue
            if built.status == "timeout" or (await self.look()).digest == look.digest:
                self._standing = look.digest if built.status == "green" else None
                return look, built
            built = self._unsettled(built.stage)
        return look, built

    def conceal(self, paths: Iterable[str]) -> None:
        """Keep these paths of the machine out of the sight of all further builds."""
        hidden = tuple(dict.fromkeys((*self.isolation.hidden, *paths)))
        self.isolation = msgspec.structs.replace(self.isolation, hidden=hidden)

    async def freeze(self) -> Look:
        """The tree is nobody's but ours from now on: it isn't looked at again."""
        self._frozen = await self.look()
        return self._frozen

    async def quick(self) -> Quick | None:
        """A way to ask about changes to the tree as it was built without building; None where there is none."""
        outputs = self._views.outputs
        if outputs is None:
            return None
        async with self._turns.base(), self._view(self._views.open_base) as place:
            build = self._build(place, {}, time.monotonic() + QUICK_START_S, None)
            ready = Ready(
                tree=self._root,
                outputs=outputs,
                isolation=self.isolation,
                run=lambda step: steps.step(build, step),
            )
            return await quick.start(self.adapter.name, ready)

    def stands_green(self, digest: str) -> bool:
        """Whether the base has a green build of the state `digest` now."""
        return self._standing == digest

    async def quick_apart(self, digest: str, into: Path, start: Start) -> Mapping[str, Entry] | None:
        """As `quick`, of a tree that goes on changing: `start` is given a copy, in `into`, of what its build has left.

        So what it starts stays true of that state, `digest`, whatever is built afterwards. Returns the entries of the
        tree that it is of; None where the base has no green build of that state (any more), or nothing was started.
        Cancel it when the base is to be built: that waits for its end.
        """
        async with self._turns.reading():
            look, entries = await self.look(), self.tree.entries
            outputs = self._views.outputs
            if outputs is None or not look.digest == digest == self._standing:
                return None
            if not await in_thread(lambda: quick.copy(self.adapter.name, outputs, into)):
                return None
            async with self._view(lambda: self._views.open(())) as place:
                build = self._build(place, {}, time.monotonic() + QUICK_START_S, None)
                ready = Ready(
                    tree=self._root,
                    outputs=into,
                    isolation=self.isolation,
                    run=lambda step: steps.step(build, step),
                )
                started = await start(self.adapter.name, ready)
        return None if started is None else entries

    async def build_changed(
        self,
        digest: str,
        changes: Sequence[FileChange],
        deadline: float,
        upto: Stage | None = None,
        *,
        cold: bool = False,
    ) -> BuildStatus:
        """Build the tree with `changes` over it; `unchecked` when the tree is not in the state `digest` afterwards.

        `upto` None: as far as the settings say. `cold`: without what building the tree has left.
        """
        built = self._failed("the build's sandbox failed")
        kills: list[Killed] = []
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)) as limit:
                    async with self._turns.proposal():
                        limit.reschedule(None)
                        built = await self._guarded(self._build_view(changes, deadline, upto, cold), kills)
            except TimeoutError:
                return self._status("timeout", None, "other builds took the time")
            if built.status != "infra_error":
                break
        if len(kills) == TRIES:  # no accident: code that kills itself must not be unscorable
            message = f"{kills[-1]} It was each of {TRIES} times."
            killed = Diagnostic(file=None, range=None, severity="error", message=message, code="killed")
            built = BuildStatus(status="red", stage=kills[-1].stage, diagnostics=(killed,), adapter=self.adapter.name)
        if built.bears and (await self.look()).digest != digest:
            return self._unsettled(built.stage)
        return built

    async def _build_base(self, deadline: float) -> BuildStatus:
        if self.adapter.by_mtime and self._looks_built():
            await in_thread(self._views.reset)
            self._whole = False
        started_ns = time.time_ns()
        self._changed.clear()
        await in_thread(lambda: self._views.sync(self.tree))
        async with self._view(self._views.open_base) as place:
            built = await steps.run(self._build(place, {}, deadline, None))
        self._built_ns = started_ns
        self._whole = self._whole or built.status == "green"
        return built

    async def warm_rest(self, deadline: float) -> None:
        """Run the steps that a red tree's build did not come to, once, for what they leave in the base.

        A green proposal would otherwise have to compile the whole project for them.
        """
        if self._whole:
            return
        self._whole = True
        async with self._turns.base(), self._view(self._views.open_base) as place:
            for step in await asyncio.to_thread(self.adapter.steps, self._root, self._settings):
                if step.stage != "test":
                    await steps.step(self._build(place, {}, deadline, None), step)

    def _looks_built(self) -> bool:
        """Whether a changed file is older than the last build: one that goes by mtime would not see the change."""
        entries = (self.tree.entries.get(path) for path in self._changed)
        built_ns = self._built_ns
        return built_ns is not None and any(entry is not None and entry.stat[1] <= built_ns for entry in entries)

    async def _build_view(
        self, changes: Sequence[FileChange], deadline: float, upto: Stage | None, cold: bool
    ) -> BuildStatus:
        changed: dict[str, bytes | None] = {}
        for change in changes:
            if change.old_path is not None:
                changed[change.old_path] = None
            changed[change.path] = change.after
        async with self._view(lambda: self._views.open(changes, cold=cold)) as place:
            built = await steps.run(self._build(place, changed, deadline, upto), hopeful=self._hopeful and not cold)
        self._hopeful = built.status == "green"
        return built

    def _build(
        self, place: Place, changed: Mapping[str, bytes | None], deadline: float, upto: Stage | None
    ) -> steps.Build:
        settings = self._settings if upto is None else msgspec.structs.replace(self._settings, upto=upto)
        return steps.Build(
            adapter=self.adapter,
            settings=settings,
            isolation=self.isolation,
            root=self._root,
            place=place,
            changed=changed,
            deadline=deadline,
            limits=self._limits,
        )

    @contextlib.asynccontextmanager
    async def _view(self, opening: Callable[[], Place]) -> AsyncIterator[Place]:
        opened = asyncio.ensure_future(asyncio.to_thread(opening))
        try:
            yield await asyncio.shield(opened)
        finally:
            await wait_out(asyncio.ensure_future(self._close(opened)))

    async def _close(self, opened: "asyncio.Future[Place]") -> None:
        await asyncio.wait({opened})
        if opened.exception() is None:
            await asyncio.to_thread(self._views.close, opened.result())

    async def _guarded(
        self, building: Coroutine[None, None, BuildStatus], kills: list[Killed] | None = None
    ) -> BuildStatus:
        """What the machine does wrong is a status too; what may not have been the machine is added to `kills`."""
        try:
            return await building
        except Killed as error:
            if kills is not None:
                kills.append(error)
            return self._failed(str(error))
        except (InfraError, OSError) as error:
            return self._failed(str(error))

    def _status(self, status: Status, stage: Stage | None, reason: str) -> BuildStatus:
        return BuildStatus(status=status, stage=stage, reason=reason, adapter=self.adapter.name)

    def _failed(self, reason: str) -> BuildStatus:
        return self._status("infra_error", None, reason)

    def _unsettled(self, stage: Stage | None) -> BuildStatus:
        return self._status("unchecked", stage, CHANGING)


def choose(root: Path, settings: BuildSettings, named: str | None = None) -> Adapter | BuildStatus:
    """The build of the tree at `root`, its tools there; a status that says why where there is none. Blocking.

    `named` is what that calls the tree, None: by its directory.
    """
    if settings.adapter == DISABLED:
        return BuildStatus(status="unchecked", stage=None, reason='[build] adapter = "none" in aid.toml')
    try:
        adapter = builds.find(root, settings)
    except CesError as error:
        return BuildStatus(status="unchecked", stage=None, reason=str(error))
    if adapter is None:
        mend = "set [build] adapter or command in aid.toml, then run 'aid trust'"
        reason = f"no build was recognised in {named or root}: {mend}"
        return BuildStatus(status="unchecked", stage=None, reason=reason)
    missing = adapter.missing_tools(root, settings)
    if missing:
        reason = f"missing: {'; '.join(missing)}"
        return BuildStatus(status="unchecked", stage=None, reason=reason, adapter=adapter.name)
    return adapter


async def set_up(
    root: Path, settings: BuildSettings, state_dir: Path, kinds: Sequence[Kind], *, side_by_side: int | None = None
) -> Builder | BuildStatus:
    """The builder of the tree at `root`; a status that says why where it can't be had.

    `side_by_side` is how many proposals may be built at once, where views allow several (None: two).
    """
    adapter = await asyncio.to_thread(choose, root, settings)
    if isinstance(adapter, BuildStatus):
        return adapter
    try:
        await asyncio.to_thread(state_dir.mkdir, parents=True, exist_ok=True)
        await in_thread(SPAWNER.open)
        found = await isolation.probe(root, state_dir, kinds)
        views = await asyncio.to_thread(_views, root, state_dir, found, adapter)
    except (InfraError, OSError) as error:
        return BuildStatus(status="infra_error", stage=None, reason=str(error), adapter=adapter.name)
    if side_by_side is not None and views.side_by_side > 1:
        views.side_by_side = side_by_side
    return Builder(root, settings, adapter, found, views)


def _views(root: Path, state_dir: Path, found: Isolation, adapter: Adapter) -> workspace.Views:
    if state_dir.resolve().is_relative_to(root):
        raise InfraError(f"the state directory {state_dir} lies inside the workspace: set XDG_STATE_HOME elsewhere")
    return workspace.make(root, state_dir, found, adapter.outputs, keep=not adapter.by_mtime)
