"""The build's word on a workspace, and on a change to it.

In: a workspace's root, change sets. Out: `BuildStatus` and `Verdict`. The person's tree is never written; nothing
blocks the event loop; what the machine did wrong is `infra_error`, never red; what was not built is
`unchecked`, never green. What of a change smells of tricks is told with the verdict and doesn't change it.

One `Checker` a workspace. It keeps the build warm: each state of the tree is built once, in the background whatever
budget the caller had, and proposals are built on top of that. Who wants to act on a red proposal before the build has
listed all that is wrong with it is told early where a quick checker (`ces.early`) knows; the verdict is the build's.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from ces import evidence, workspace
from ces.builder import CHANGING, Builder, set_up
from ces.builds.adapter import BuildSettings
from ces.builds.stages import ORDER
from ces.change import FileChange, merge
from ces.compare import compare
from ces.early import IDLE_S, Early
from ces.errors import BadChange, InfraError
from ces.isolation import KINDS, Isolation, Kind
from ces.jobs import Jobs, Memory
from ces.signs import UNREADABLE, signs
from ces.verdict import BuildStatus, Diagnostic, EarlyCount, Flag, Verdict

STATUS_TIMEOUT_S = 600.0
GRACE_S = 2.0  # for a build that reached its deadline to be taken down
SIGNS_S = 10.0  # beyond the end of the build, beside which what smells of tricks is looked for
REMEMBERED = 256
_JUDGED = ("green", "red")

OnRed = Callable[[Verdict], None]


class Checker:
    """Judges one workspace.

    `state_dir` is its own and private, on a disk with room for the build directories. `kinds` are the kinds of
    isolation that may be used: the best of them that works is. Processes that give early words end when nobody wanted
    any for `idle_s`.
    """

    def __init__(
        self,
        root: Path,
        settings: BuildSettings,
        state_dir: Path,
        *,
        kinds: Sequence[Kind] = KINDS,
        idle_s: float = IDLE_S,
    ) -> None:
        self.root = root.resolve()
        self._settings = settings
        self._state_dir = state_dir
        self._kinds = kinds
        self._idle_s = idle_s
        self._builder: Builder | None = None
        self._early: Early | None = None
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
        self,
        changes: Sequence[FileChange],
        *,
        budget_s: float,
        overlay: Sequence[FileChange] = (),
        on_red: OnRed | None = None,
    ) -> Verdict:
        """What the build says of the tree (with `overlay` over it) after `changes`.

        `budget_s` are wall seconds, everything included. When the tree itself could not be built within them the
        verdict is a timeout, and that build goes on for the next check. The same check while one runs is one run.

        `on_red` is called, at most once and before this returns, when a quick type check already finds the change red,
        with what it found: part of what the verdict will list. Where the build did not end in time that is the verdict.
        """
        started = time.monotonic()
        deadline = started + budget_s
        told: list[Verdict] = []

        def tell(verdict: Verdict) -> None:
            if on_red is not None and not told:
                told.append(verdict)
                on_red(verdict)

        telling = None if on_red is None else tell
        verdict = await self._check_once(changes, deadline, overlay, telling)
        # Once more when the person saved a file meanwhile, or when it was someone else's shorter budget that ended.
        if verdict.reason == CHANGING or (verdict.status == "timeout" and time.monotonic() < deadline):
            verdict = await self._check_once(changes, deadline, overlay, telling)
        if verdict.status == "timeout" and told:
            verdict = told[0]
        return msgspec.structs.replace(verdict, wall_ms=(time.monotonic() - started) * 1000)

    @property
    def early_count(self) -> EarlyCount:
        """What came of the early words so far."""
        return EarlyCount() if self._early is None else self._early.count

    async def settled(self) -> None:
        """Wait for what early words need, and for those still being found out: nothing else has to."""
        if self._early is not None:
            await self._early.settled()

    async def close(self) -> None:
        """Stop what runs and wait until it is gone."""
        await self._jobs.close()
        if self._early is not None:
            await self._early.close()

    async def _ready(self) -> Builder | BuildStatus:
        """Set up once; what could not be set up is looked at anew each time, since the person may mend it."""
        if self._builder is not None:
            return self._builder
        return await self._jobs.join("set up", self._set_up, lasting=True)

    async def _set_up(self) -> Builder | BuildStatus:
        made = await set_up(self.root, self._settings, self._state_dir, self._kinds)
        if isinstance(made, Builder):
            self._early = Early(made, self._state_dir / "early", self._idle_s)
            self._builder = made
        return made

    async def _status(self, overlay: Sequence[FileChange]) -> tuple[str, BuildStatus]:
        """The tree's digest, and the status of that state with `overlay` over it."""
        ready = await self._ready()
        if isinstance(ready, BuildStatus):
            return "", ready
        digest = (await ready.look()).digest
        known = self._statuses.get(_key(digest, overlay))
        if known is not None and (known.short_of is None or await ready.falls_short()):
            return digest, known
        if not overlay:
            return await self._jobs.join(f"tree {digest}", lambda: self._build_tree(ready), lasting=True)
        digest, below = await self._status(())
        if not below.bears:
            return digest, below
        key = f"overlay {_key(digest, overlay)}"
        return digest, await self._jobs.join(key, lambda: self._build_overlay(ready, digest, overlay))

    async def _build_tree(self, builder: Builder) -> tuple[str, BuildStatus]:
        assert self._early is not None
        await self._early.make_way()
        look, status = await builder.build_tree(time.monotonic() + STATUS_TIMEOUT_S)
        if status.bears or status.status == "timeout":
            self._statuses.put(_key(look.digest, ()), status)
        if status.status == "red":
            self._jobs.start(self._warm_rest(builder))
        elif status.status == "green":
            self._early.built(look.digest)
        return look.digest, status

    async def _warm_rest(self, builder: Builder) -> None:
        with contextlib.suppress(InfraError, OSError):  # only warmth is lost
            await builder.warm_rest(time.monotonic() + STATUS_TIMEOUT_S)

    async def _build_overlay(self, builder: Builder, digest: str, overlay: Sequence[FileChange]) -> BuildStatus:
        status = await builder.build_changed(digest, overlay, time.monotonic() + STATUS_TIMEOUT_S)
        if status.bears:
            self._statuses.put(_key(digest, overlay), status)
        return status

    async def _check_once(
        self, changes: Sequence[FileChange], deadline: float, overlay: Sequence[FileChange], on_red: OnRed | None
    ) -> Verdict:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                digest, before = await self._status(overlay)
        except TimeoutError:
            return Verdict(status="timeout", stage=None, reason="the tree as it stands is still being built")
        if not before.bears:
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
        asked = _Asked(key=key, digest=digest, before=before, changes=changes, overlay=overlay, deadline=deadline)
        telling = self._jobs.start(self._tell(asked, on_red)) if on_red is not None else None
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.0) + GRACE_S):
                return await self._jobs.join(f"check {key}", lambda: self._judge(asked))
        except TimeoutError:  # joined one with a longer budget
            return Verdict(status="timeout", stage=None, reason="the build had not ended", adapter=before.adapter)
        finally:
            if telling is not None:
                telling.cancel()

    async def _tell(self, asked: "_Asked", on_red: OnRed) -> None:
        """Call `on_red` when an early word is red."""
        assert self._early is not None
        whole = merge(asked.overlay, asked.changes)
        left_s = max(asked.deadline - time.monotonic(), 0.0)
        said = await self._early.ask(asked.key, asked.digest, whole, left_s)
        if said is None or said.status != "red":
            return
        found = await asyncio.to_thread(compare, asked.before, said, asked.changes, ORDER)
        on_red(
            Verdict(
                status="red",
                stage=said.stage,
                diagnostics=found.new,
                remaining=sum(item.severity == "error" for item in said.diagnostics) - len(found.new),
                reason="a quick type check found this; the build had not ended",
                adapter=said.adapter,
            )
        )

    async def _judge(self, asked: "_Asked") -> Verdict:
        assert self._builder is not None
        assert self._early is not None
        looking = self._jobs.start(self._signs(asked))
        after = await self._builder.build_changed(asked.digest, (*asked.overlay, *asked.changes), asked.deadline)
        if after.status not in _JUDGED:
            return _unjudged(after)
        self._early.compare(asked.key, after)
        found = await asyncio.to_thread(compare, asked.before, after, asked.changes, ORDER)
        verdict = Verdict(
            status=after.status,
            stage=after.stage,
            diagnostics=found.new,
            remaining=found.remaining,
            fixed=found.fixed,
            adapter=after.adapter,
            flags=await _in_time(looking),
        )
        verdict = _weighed(verdict, asked.before, after)
        self._verdicts.put(asked.key, verdict)
        return verdict

    async def _signs(self, asked: "_Asked") -> tuple[Flag, ...]:
        assert self._builder is not None
        paths = tuple(self._builder.tree.entries)
        return await asyncio.to_thread(signs, self.root, paths, asked.changes, asked.overlay)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A check: of the tree in the state `digest`, whose status with `overlay` over it is `before`."""

    key: str
    digest: str
    before: BuildStatus
    changes: Sequence[FileChange]
    overlay: Sequence[FileChange]
    deadline: float


async def _in_time(looking: "asyncio.Task[tuple[Flag, ...]]") -> tuple[Flag, ...]:
    """What was found; a flag that says so where the looking takes too long for a verdict to wait for."""
    await asyncio.wait({looking}, timeout=SIGNS_S)
    if looking.done():
        return looking.result()
    return (Flag(name=UNREADABLE, path=None, message="looking for tricks took too long"),)


def _weighed(verdict: Verdict, before: BuildStatus, after: BuildStatus) -> Verdict:
    """The verdict with flags for tests that ran in the tree as it stands and not after the change.

    With counts only where the build ran all tests there: one that ran only what had a reason to gives no number.
    """
    if before.ran is None or after.ran is None:
        return verdict
    base = evidence.of_a_base(before.ran).tests
    ran = base | evidence.differing(base, after.ran)
    weighed = evidence.weighed(verdict, ran, base, counts=False)
    return msgspec.structs.replace(weighed, tests_run=None, tests_expected=None) if before.ran.partial else weighed


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
