"""Building a workspace in views: the tree as it stands, or with changes over it.

In: a workspace's root and settings. Out: `BuildStatus`. Knows adapters, isolation, views and their turns; knows nothing
of caching, budgets for several builds, or what a change makes better or worse (`ces.check` does).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path

import msgspec

from ces import builds, isolation, process, workspace
from ces.builds.adapter import Adapter, BuildSettings, Step
from ces.builds.reading import Sources
from ces.change import FileChange
from ces.errors import CesError, InfraError, Killed
from ces.fingerprint import Fingerprint, Look
from ces.isolation import Isolation, Kind, Place
from ces.limits import Limits, explain
from ces.verdict import BuildStatus, Diagnostic, Stage, Status
from ces.waiting import in_thread, wait_out

DISABLED = "none"
TRIES = 3
_NOT_RUN = (126, 127)
_KILLED = (-9, 137)
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
        self._limits = Limits()
        self._views = views
        self._turns = workspace.Turns(views.side_by_side)
        self._changed: set[str] = set()  # since the base was last built
        self._built_ns: int | None = None
        self._whole = False  # whether every step short of the tests has run in the base

    async def look(self) -> Look:
        """Which state the tree is in now."""
        look = await in_thread(self.tree.look)
        self._changed |= look.changed
        return look

    async def build_tree(self, deadline: float) -> tuple[Look, BuildStatus]:
        """Build the tree as it stands, keeping what the build leaves; and which state that was the status of.

        `deadline` is on `time.monotonic`'s clock.
        """
        built = self._failed(CHANGING)
        for _ in range(TRIES):
            async with self._turns.base():
                look = await self.look()
                built = await self._guarded(self._build_base(deadline))
            if built.status == "infra_error":
                continue
            if built.status == "timeout" or (await self.look()).digest == look.digest:
                return look, built
            built = self._unsettled(built.stage)
        return look, built

    async def build_changed(self, digest: str, changes: Sequence[FileChange], deadline: float) -> BuildStatus:
        """Build the tree with `changes` over it; `unchecked` when the tree is not in the state `digest` afterwards."""
        built = self._failed("the build's sandbox failed")
        kills: list[Killed] = []
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)) as limit:
                    async with self._turns.proposal():
                        limit.reschedule(None)
                        built = await self._guarded(self._build_view(changes, deadline), kills)
            except TimeoutError:
                return BuildStatus(
                    status="timeout", stage=None, reason="other builds took the time", adapter=self.adapter.name
                )
            if built.status != "infra_error":
                break
        if len(kills) == TRIES:  # no accident: code that kills itself must not be unscorable
            message = f"{kills[-1]} It was each of {TRIES} times."
            killed = Diagnostic(file=None, range=None, severity="error", message=message, code="killed")
            built = self._status("red", kills[-1].stage, [killed])
        if built.status in ("green", "red") and (await self.look()).digest != digest:
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
            built = await self._run(place, {}, deadline)
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
                    await self._step(step, place, deadline)

    async def _step(self, step: Step, place: Place, deadline: float) -> process.Finished:
        env = process.build_environment(step.env)
        left_s = max(deadline - time.monotonic(), 0.0)
        return await isolation.run(self.isolation, place, step.argv, env, left_s, self._limits)

    def _looks_built(self) -> bool:
        """Whether a changed file is older than the last build: one that goes by mtime would not see the change."""
        entries = (self.tree.entries.get(path) for path in self._changed)
        built_ns = self._built_ns
        return built_ns is not None and any(entry is not None and entry.stat[1] <= built_ns for entry in entries)

    async def _build_view(self, changes: Sequence[FileChange], deadline: float) -> BuildStatus:
        changed: dict[str, bytes | None] = {}
        for change in changes:
            if change.old_path is not None:
                changed[change.old_path] = None
            changed[change.path] = change.after
        async with self._view(lambda: self._views.open(changes)) as place:
            return await self._run(place, changed, deadline)

    async def _run(self, place: Place, changed: dict[str, bytes | None], deadline: float) -> BuildStatus:
        """The steps in order, until one fails or the time is over."""
        seen_root = place.tree if self.isolation.kind == "session" else self._root
        sources = Sources(self._root, changed, seen_root)
        said: list[Diagnostic] = []
        stage: Stage | None = None
        started = time.monotonic()
        for step in await asyncio.to_thread(self.adapter.steps, self._root, self._settings):
            stage = step.stage
            finished = await self._step(step, place, deadline)
            if finished.limit in ("wall", "cpu"):
                return self._status("timeout", stage, reason=self._why_stopped(step, finished, started))
            if finished.exit_code in _NOT_RUN:
                await self._must_be_runnable(step, place, deadline)
            found = await asyncio.to_thread(self._read, sources, step, finished)
            said += [item for item in found if item not in said]
            if finished.exit_code not in step.passes or finished.limit is not None:
                return self._status("red", stage, said)
        return self._status("green", stage, said)

    async def _must_be_runnable(self, step: Step, place: Place, deadline: float) -> None:
        """Raise InfraError when it is the sandbox that hides the program, and not the candidate that says so."""
        asked = msgspec.structs.replace(step, argv=("/bin/sh", "-c", 'command -v "$1"', "sh", step.argv[0]))
        if (await self._step(asked, place, deadline)).exit_code in (1, *_NOT_RUN):
            raise InfraError(f"{step.argv[0]} can't be run in the build's sandbox")

    def _why_stopped(self, step: Step, finished: process.Finished, started: float) -> str:
        if finished.limit == "cpu":
            return f"'{step}' was stopped: {explain('cpu', self._limits)}"
        return f"'{step}' had not ended when {time.monotonic() - started:.0f} s were spent"

    def _read(self, sources: Sources, step: Step, finished: process.Finished) -> Sequence[Diagnostic]:
        if finished.limit is not None:  # its own fault, whatever it said and with whatever code it ended
            message = f"'{step}' was stopped: {explain(finished.limit, self._limits)}"
            return [Diagnostic(file=None, range=None, severity="error", message=message, code=finished.limit)]
        if finished.exit_code not in step.passes and finished.machine_failed is not None:
            raise InfraError(f"the machine ran out of {finished.machine_failed} while '{step}' ran")
        if finished.exit_code in _KILLED:
            raise Killed(f"'{step}' was killed from outside: is the machine out of memory?", step.stage)
        return self.adapter.diagnostics(sources, step, finished.output, finished.exit_code)

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

    def _status(
        self,
        status: Status,
        stage: Stage | None,
        said: Sequence[Diagnostic] = (),
        reason: str | None = None,
    ) -> BuildStatus:
        return BuildStatus(
            status=status, stage=stage, diagnostics=tuple(said), reason=reason, adapter=self.adapter.name
        )

    def _failed(self, reason: str) -> BuildStatus:
        return self._status("infra_error", None, reason=reason)

    def _unsettled(self, stage: Stage | None) -> BuildStatus:
        return self._status("unchecked", stage, reason=CHANGING)


async def set_up(root: Path, settings: BuildSettings, state_dir: Path, kinds: Sequence[Kind]) -> Builder | BuildStatus:
    """Find the build of the tree at `root` and what it can be run in; a status that says why where that fails."""
    if settings.adapter == DISABLED:
        return BuildStatus(status="unchecked", stage=None, reason='[build] adapter = "none" in aid.toml')
    try:
        adapter = await asyncio.to_thread(builds.find, root, settings)
    except CesError as error:
        return BuildStatus(status="unchecked", stage=None, reason=str(error))
    if adapter is None:
        reason = f"no build was recognised in {root}: set [build] adapter or command in aid.toml"
        return BuildStatus(status="unchecked", stage=None, reason=reason)
    missing = await asyncio.to_thread(adapter.missing_tools, root, settings)
    if missing:
        reason = f"missing: {'; '.join(missing)}"
        return BuildStatus(status="unchecked", stage=None, reason=reason, adapter=adapter.name)
    try:
        await asyncio.to_thread(state_dir.mkdir, parents=True, exist_ok=True)
        found = await isolation.probe(root, state_dir, kinds)
        views = await asyncio.to_thread(_views, root, state_dir, found, adapter)
    except (InfraError, OSError) as error:
        return BuildStatus(status="infra_error", stage=None, reason=str(error), adapter=adapter.name)
    return Builder(root, settings, adapter, found, views)


def _views(root: Path, state_dir: Path, found: Isolation, adapter: Adapter) -> workspace.Views:
    if state_dir.resolve().is_relative_to(root):
        raise InfraError(f"the state directory {state_dir} lies inside the workspace: set XDG_STATE_HOME elsewhere")
    return workspace.make(root, state_dir, found, adapter.outputs, keep=not adapter.by_mtime)
