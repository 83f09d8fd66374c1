"""The build's word on a workspace, and on a change to it.

In: a workspace's root, change sets. Out: `BuildStatus` and `Verdict`. The person's tree is never written; nothing
blocks the event loop; what the machine did wrong is `infra_error`, never red; what was not built is
`unchecked`, never green.

One `Checker` a workspace. It keeps the build warm: each state of the tree is built once, in the background whatever
budget the caller had, and proposals are built on top of that.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ces import workspace
from ces.builder import CHANGING, Builder, set_up
from ces.builds.adapter import BuildSettings
from ces.builds.stages import ORDER
from ces.change import FileChange
from ces.compare import compare
from ces.errors import BadChange, InfraError
from ces.isolation import KINDS, Isolation, Kind
from ces.jobs import Jobs, Memory
from ces.verdict import BuildStatus, Diagnostic, Verdict

STATUS_TIMEOUT_S = 600.0
GRACE_S = 2.0  # for a build that reached its deadline to be taken down
REMEMBERED = 256
_JUDGED = ("green", "red")


class Checker:
    """Judges one workspace.

    `state_dir` is its own and private, on a disk with room for the build directories. `kinds` are the kinds of
    isolation that may be used: the best of them that works is.
    """

    def __init__(self, root: Path, settings: BuildSettings, state_dir: Path, *, kinds: Sequence[Kind] = KINDS) -> None:
        self.root = root.resolve()
        self._settings = settings
        self._state_dir = state_dir
        self._kinds = kinds
        self._builder: Builder | None = None
        self._jobs = Jobs()
        self._statuses: Memory[BuildStatus] = Memory(REMEMBERED)
        self._verdicts: Memory[Verdict] = Memory(REMEMBERED)

    def warm(self) -> None:
        """Start building the tree as it stands, in the background."""
        self._jobs.start(self.status())

    def touched(self, paths: Iterable[str]) -> None:
        """Paths (relative, with `/`) that a file watcher saw change: compared by content at the next look."""
        if self._builder is not None:
            self._builder.tree.touched(paths)

    async def isolation(self) -> Isolation | None:
        """What stands between this workspace's build and the machine; None when there is no build to run."""
        ready = await self._ready()
        return ready.isolation if isinstance(ready, Builder) else None

    async def status(self, overlay: Sequence[FileChange] = ()) -> BuildStatus:
        """What the build says of the tree as it stands, with `overlay` (unsaved editor text) over it.

        Waits for the build where this state has not been built yet; a caller who leaves doesn't stop it.
        """
        started = time.monotonic()
        _, status = await self._status(overlay)
        return msgspec.structs.replace(status, wall_ms=(time.monotonic() - started) * 1000)

    async def check(
        self, changes: Sequence[FileChange], *, budget_s: float, overlay: Sequence[FileChange] = ()
    ) -> Verdict:
        """What the build says of the tree (with `overlay` over it) after `changes`.

        `budget_s` are wall seconds, everything included. When the tree itself could not be built within them the
        verdict is a timeout, and that build goes on for the next check. The same check while one runs is one run.
        """
        started = time.monotonic()
        deadline = started + budget_s
        verdict = await self._check_once(changes, deadline, overlay)
        # Once more when the person saved a file meanwhile, or when it was someone else's shorter budget that ended.
        if verdict.reason == CHANGING or (verdict.status == "timeout" and time.monotonic() < deadline):
            verdict = await self._check_once(changes, deadline, overlay)
        return msgspec.structs.replace(verdict, wall_ms=(time.monotonic() - started) * 1000)

    async def close(self) -> None:
        """Stop what runs and wait until it is gone."""
        await self._jobs.close()

    async def _ready(self) -> Builder | BuildStatus:
        """Set up once; what could not be set up is looked at anew each time, since the person may mend it."""
        if self._builder is not None:
            return self._builder
        return await self._jobs.join("set up", self._set_up, lasting=True)

    async def _set_up(self) -> Builder | BuildStatus:
        made = await set_up(self.root, self._settings, self._state_dir, self._kinds)
        if isinstance(made, Builder):
            self._builder = made
        return made

    async def _status(self, overlay: Sequence[FileChange]) -> tuple[str, BuildStatus]:
        """The tree's digest, and the status of that state with `overlay` over it."""
        ready = await self._ready()
        if isinstance(ready, BuildStatus):
            return "", ready
        digest = (await ready.look()).digest
        known = self._statuses.get(_key(digest, overlay))
        if known is not None:
            return digest, known
        if not overlay:
            return await self._jobs.join(f"tree {digest}", lambda: self._build_tree(ready), lasting=True)
        digest, below = await self._status(())
        if below.status not in _JUDGED:
            return digest, below
        key = f"overlay {_key(digest, overlay)}"
        return digest, await self._jobs.join(key, lambda: self._build_overlay(ready, digest, overlay))

    async def _build_tree(self, builder: Builder) -> tuple[str, BuildStatus]:
        look, status = await builder.build_tree(time.monotonic() + STATUS_TIMEOUT_S)
        if status.status in (*_JUDGED, "timeout"):
            self._statuses.put(_key(look.digest, ()), status)
        if status.status == "red":
            self._jobs.start(self._warm_rest(builder))
        return look.digest, status

    async def _warm_rest(self, builder: Builder) -> None:
        with contextlib.suppress(InfraError, OSError):  # only warmth is lost
            await builder.warm_rest(time.monotonic() + STATUS_TIMEOUT_S)

    async def _build_overlay(self, builder: Builder, digest: str, overlay: Sequence[FileChange]) -> BuildStatus:
        status = await builder.build_changed(digest, overlay, time.monotonic() + STATUS_TIMEOUT_S)
        if status.status in _JUDGED:
            self._statuses.put(_key(digest, overlay), status)
        return status

    async def _check_once(
        self, changes: Sequence[FileChange], deadline: float, overlay: Sequence[FileChange]
    ) -> Verdict:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                digest, before = await self._status(overlay)
        except TimeoutError:
            return Verdict(status="timeout", stage=None, reason="the tree as it stands is still being built")
        if before.status not in _JUDGED:
            return _unjudged(before)
        unsaved = {change.path: change.after for change in overlay}
        try:
            await asyncio.to_thread(workspace.validate, self.root, changes, unsaved)
        except BadChange as error:
            said = Diagnostic(file=None, range=None, severity="error", message=str(error), code="apply")
            return Verdict(status="red", stage="apply", diagnostics=(said,), adapter=before.adapter)
        key = _key(digest, overlay, changes)
        known = self._verdicts.get(key)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.0) + GRACE_S):
                return await self._jobs.join(
                    f"check {key}", lambda: self._judge(digest, before, changes, overlay, deadline)
                )
        except TimeoutError:  # joined one with a longer budget
            return Verdict(status="timeout", stage=None, reason="the build had not ended", adapter=before.adapter)

    async def _judge(
        self,
        digest: str,
        before: BuildStatus,
        changes: Sequence[FileChange],
        overlay: Sequence[FileChange],
        deadline: float,
    ) -> Verdict:
        assert self._builder is not None
        after = await self._builder.build_changed(digest, (*overlay, *changes), deadline)
        if after.status not in _JUDGED:
            return _unjudged(after)
        found = compare(before, after, changes, ORDER)
        verdict = Verdict(
            status=after.status,
            stage=after.stage,
            diagnostics=found.new,
            remaining=found.remaining,
            fixed=found.fixed,
            adapter=after.adapter,
        )
        self._verdicts.put(_key(digest, overlay, changes), verdict)
        return verdict


def _unjudged(status: BuildStatus) -> Verdict:
    return Verdict(status=status.status, stage=status.stage, reason=status.reason, adapter=status.adapter)


def _key(tree: str, *change_sets: Sequence[FileChange]) -> str:
    """One state of the tree with the same changes over it has one key."""
    whole = hashlib.sha256(tree.encode())
    for changes in change_sets:
        whole.update(b"\0\0")
        for change in sorted(changes, key=lambda change: change.path):
            whole.update(msgspec.msgpack.encode(change))
    return whole.hexdigest()
