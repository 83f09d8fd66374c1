"""Bases: trees at a known state, built once, kept warm on disk by content id, the least recently used evicted.

A base is a workspace as it stood, or one of its revisions. The person's files and build directories are only read: a
base is a copy of our own (`ces.frozen`) with its build's output beside it, and what is checked is laid over that.

    <state>/bases/<id>/tree      the sources
                       builds/   what building them left: views of `ces.workspace`
                       base.json what is known of it; its mtime is when it was last used
                       lock      held by the process that has it open; another has a copy (`ces.claims`)
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from ces import evidence, isolation
from ces.builder import Builder, choose, set_up
from ces.builds.adapter import Adapter, BuildSettings
from ces.claims import Claim, claimed, unclaimed
from ces.errors import BadChange, InfraError
from ces.fingerprint import Fingerprint
from ces.frozen import concealed, content_id, freeze_directory, freeze_revision, resolve_revision
from ces.isolation import KINDS, Kind
from ces.jobs import Jobs, Memory
from ces.quick import Quick
from ces.toolchain import digest
from ces.verdict import BuildStatus
from ces.waiting import in_thread
from ces.workspace import SHOWN

WARM_TIMEOUT_S = 1800.0
REMEMBERED = 4096
QUOTA_BYTES = 20 << 30
_DRAFT = ".draft-"
_KNOWN = "2"  # what a record tells of a base; an older one tells less, and isn't this base's
# What a state directory has of other bases, verdicts and hidden tests, and the service's token.
_OURS = ("bases", "nodes", "verdicts.db", "verdicts.db-wal", "verdicts.db-shm", "token", "service.json", "service.lock")


class BaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where bases are kept and how they are built. `build` gives a workspace's build settings.

    `side_by_side` is how many checks may run on one base at once. `concealed` are paths that no build may see, beside
    those of `state_dir` and of the workspace. A base that another process has open is waited for `claim_wait_s`, then
    built once more.
    """

    state_dir: Path
    build: Callable[[Path], BuildSettings] = lambda workspace: BuildSettings()
    quota_bytes: int = QUOTA_BYTES
    side_by_side: int = 2
    concealed: tuple[Path, ...] = ()
    kinds: Sequence[Kind] = KINDS
    warm_timeout_s: float = WARM_TIMEOUT_S
    claim_wait_s: float = 10.0


class BaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What base.json says. `workspace` and `rev` are those it was first made from; `used_at` is Unix time.

    `copies` is how many there are, of several processes or on several nodes: `size_bytes` is of them all.
    """

    id: str
    workspace: str
    rev: str | None
    adapter: str
    toolchain: str
    status: BuildStatus
    size_bytes: int
    used_at: float = 0.0
    copies: int = 1


class Warm:
    """A base that is open: what it is, and the builder to check changes with.

    `quick` answers without the build system, where there is such a way and the base is green.
    """

    def __init__(self, claim: Claim, record: BaseRecord, builder: Builder, digest: str) -> None:
        self.record = record
        self.quick: Quick | None = None
        self.folder = claim.folder
        self.tree = claim.folder / "tree"
        self.builder = builder
        self.digest = digest
        self.holders = 0
        self.concealed: set[str] = set()  # workspaces that came to this content
        self._lock = claim.lock

    async def close(self) -> None:
        if self.quick is not None:
            await self.quick.close()
        os.close(self._lock)


class Bases:
    """The bases of one state directory. Several processes may share it; what two have open is there twice."""

    def __init__(self, settings: BaseSettings) -> None:
        self._settings = settings
        self._folder = settings.state_dir.resolve() / "bases"
        self._jobs = Jobs()
        self._open: dict[str, Warm] = {}
        self._trees: dict[Path, Fingerprint] = {}
        self._known: Memory[str] = Memory(REMEMBERED)  # a workspace's state or revision -> base id

    @contextlib.asynccontextmanager
    async def held(self, workspace: Path, rev: str | None = None) -> AsyncIterator[Warm]:
        """The base of `workspace` at `rev` (None: as it stands), built when it is new; not evicted meanwhile.

        Raises BadChange for a workspace or revision that isn't there or has no build, InfraError when the machine
        fails.
        """
        warm = await self._warm(workspace, rev)
        while self._open.get(warm.record.id) is not warm:  # evicted for another, that came at the same moment
            warm = await self._warm(workspace, rev)
        warm.holders += 1
        try:
            if str(workspace) not in warm.concealed:
                warm.builder.conceal(await in_thread(lambda: concealed(workspace.resolve())))
                warm.concealed.add(str(workspace))
            yield warm
        finally:
            warm.holders -= 1

    def records(self) -> list[BaseRecord]:
        """Every base on disk, as `listed`, without which tests it ran."""
        return listed(
            msgspec.structs.replace(record, status=msgspec.structs.replace(record.status, ran=None))
            for _, record in self._on_disk()
        )

    def _on_disk(self) -> list[tuple[Path, BaseRecord]]:
        found = [
            (path.parent, record) for path in self._folder.glob("*/base.json") if (record := _record(path)) is not None
        ]
        return sorted(found, key=lambda each: each[1].used_at, reverse=True)

    async def close(self) -> None:
        await self._jobs.close()
        for warm in self._open.values():
            await warm.close()
        self._open.clear()

    async def _warm(self, named: Path, rev: str | None) -> Warm:
        workspace, settings, digest = await in_thread(lambda: self._looked_at(named, rev))
        if rev is not None:
            rev = await resolve_revision(workspace, rev)
            state = f"{workspace}@{rev} {settings!r}"
        else:
            state = f"{workspace}#{digest}"
        known = self._known.get(state)
        at_hand = None if known is None else self._open.get(known)
        if at_hand is not None and at_hand.record.status.short_of is None:  # else what it lacks may be there by now
            warm = at_hand
        else:
            warm = await self._jobs.join(state, lambda: self._make(workspace, rev, settings), lasting=True)
            self._known.put(state, warm.record.id)
        _use(warm)
        return warm

    def _looked_at(self, named: Path, rev: str | None) -> tuple[Path, BuildSettings, str]:
        """The workspace, how it is built, and the state it is in, which doesn't count where a revision is asked for."""
        workspace = _existing(named)
        settings = self._settings.build(workspace)
        if rev is not None:
            return workspace, settings, ""
        outputs = _adapter(workspace, settings, str(workspace)).outputs
        tree = self._trees.get(workspace)
        if tree is None or tree.outputs != outputs:
            tree = self._trees[workspace] = Fingerprint(workspace, outputs)
        return workspace, settings, tree.look().digest

    async def _frozen(
        self, workspace: Path, rev: str | None, settings: BuildSettings, target: Path
    ) -> tuple[Adapter, str]:
        """Freeze the sources in `target`: what builds them, and their content's id.

        A revision may be built by another system than the workspace is now, so it is recognised in its own files.
        """
        if rev is None:
            tree = self._trees[workspace]
            content = await in_thread(lambda: freeze_directory(workspace, target, tree))
            return await in_thread(lambda: _adapter(target, settings, str(workspace))), content
        await freeze_revision(workspace, rev, target)
        adapter = await in_thread(lambda: _adapter(target, settings, f"{workspace} at {rev}"))
        return adapter, await in_thread(lambda: content_id(target, adapter.outputs))

    async def _make(self, workspace: Path, rev: str | None, settings: BuildSettings) -> Warm:
        """Freeze the sources, and open the base of that content: the one on disk or a new one."""
        draft = _draft(self._folder)
        await in_thread(self._sweep)
        try:
            adapter, content = await self._frozen(workspace, rev, settings, draft / "tree")
            toolchain = await in_thread(lambda: digest(adapter, draft / "tree", {}, settings))
            whole = "\0".join((_KNOWN, content, adapter.name, repr(settings), toolchain))
            record = BaseRecord(
                id=hashlib.sha256(whole.encode()).hexdigest()[:32],
                workspace=str(workspace),
                rev=rev,
                adapter=adapter.name,
                toolchain=toolchain,
                status=BuildStatus(status="unchecked", stage=None),
                size_bytes=0,
            )
            if record.id in self._open:
                return self._open[record.id]
            opening = f"open {record.id}"
            return await self._jobs.join(opening, lambda: self._opened(draft, record, settings), lasting=True)
        except OSError as error:
            raise InfraError(f"can't make a base in {self._folder}: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                await in_thread(lambda: isolation.remove_tree(draft))

    def _sweep(self) -> None:
        """Remove what processes that are gone had begun to copy or to build: no quota counts it."""
        for folder in self._folder.glob("[!.]*"):
            if not (folder / "base.json").exists():
                _remove(folder)
        for draft in self._folder.glob(f"{_DRAFT}*"):
            pid = draft.name.removeprefix(_DRAFT).partition("-")[0]
            if not Path("/proc", pid).exists():
                isolation.remove_tree(draft)

    async def _opened(self, draft: Path, record: BaseRecord, settings: BuildSettings) -> Warm:
        claim = await claimed(self._folder, record.id, self._settings.claim_wait_s)
        folder = claim.folder
        try:
            known = await in_thread(lambda: _record(folder / "base.json"))
            if known is None and (folder / "builds").is_dir():  # half built: tests that ran would not run again
                await in_thread(lambda: isolation.remove_tree(folder / "builds"))
            if not (folder / "tree").is_dir():
                await in_thread(lambda: (draft / "tree").rename(folder / "tree"))
            builder = await set_up(
                folder / "tree", settings, folder / "builds", self._settings.kinds,
                side_by_side=self._settings.side_by_side,
            )  # fmt: skip
            if isinstance(builder, BuildStatus):
                raise InfraError(builder.reason or "the build can't be run") from None
            builder.conceal(await in_thread(lambda: concealed(Path(record.workspace))))
            builder.conceal((*ours(self._settings.state_dir), *map(str, self._settings.concealed)))
            look = await builder.freeze()
            if known is None or not builder.kept:
                built = msgspec.structs.replace(record, status=await self._built(builder))
                known = await in_thread(lambda: _written(folder, built))
            warm = Warm(claim, known, builder, look.digest)
            if known.status.status == "green":
                warm.quick = await builder.quick()
        except BaseException:
            os.close(claim.lock)
            raise
        self._open[record.id] = warm
        _use(warm)
        await self._evict()
        return warm

    async def _built(self, builder: Builder) -> BuildStatus:
        started = time.monotonic()
        _, status = await builder.build_tree(started + self._settings.warm_timeout_s)
        if not status.bears:
            raise InfraError(f"the base can't be built: {status.status}, {status.reason}")
        if status.status == "red":
            await builder.warm_rest(time.monotonic() + self._settings.warm_timeout_s)
        ran = None if status.ran is None else evidence.of_a_base(status.ran)
        return msgspec.structs.replace(status, ran=ran, wall_ms=(time.monotonic() - started) * 1000)

    async def _evict(self) -> None:
        """Take away the least recently used until the rest is within the quota; never the last or one in use."""
        total = 0
        for number, (folder, record) in enumerate(await in_thread(self._on_disk)):
            total += record.size_bytes
            warm = self._open.get(record.id)
            if warm is not None and warm.folder != folder:
                warm = None  # ours is another copy
            if not number or total <= self._settings.quota_bytes or (warm is not None and warm.holders):
                continue
            if warm is not None:
                await self._open.pop(record.id).close()
            await asyncio.to_thread(_remove, folder)


def listed(records: Iterable[BaseRecord]) -> list[BaseRecord]:
    """One record for all copies of a base, the last used first."""
    found: dict[str, BaseRecord] = {}
    for record in sorted(records, key=lambda each: each.used_at, reverse=True):
        last = found.setdefault(record.id, record)
        if last is not record:
            copies, size_bytes = last.copies + record.copies, last.size_bytes + record.size_bytes
            found[record.id] = msgspec.structs.replace(last, copies=copies, size_bytes=size_bytes)
    return list(found.values())


def ours(state_dir: Path) -> list[str]:
    """The paths that CES uses in a state directory, there or not yet."""
    return [str(state_dir.resolve() / name) for name in _OURS]


def _existing(workspace: Path) -> Path:
    try:
        if workspace.is_absolute() and workspace.is_dir():
            return workspace.resolve()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise BadChange(f"workspace {str(workspace)[:SHOWN]!r}… is no directory: its name is too long") from error
    raise BadChange(f"workspace {str(workspace)!r} is no directory: give an absolute path")


def _adapter(tree: Path, settings: BuildSettings, named: str) -> Adapter:
    """What builds `tree`, which a message calls `named`."""
    adapter = choose(tree, settings, named)
    if isinstance(adapter, BuildStatus):
        raise BadChange(adapter.reason or f"{named} has no build")
    return adapter


def _use(warm: Warm) -> None:
    with contextlib.suppress(OSError):
        os.utime(warm.folder / "base.json")


def _draft(bases: Path) -> Path:
    """A name for what is no base: the next to open one removes it, should this process be killed."""
    return bases / f"{_DRAFT}{os.getpid()}-{uuid.uuid4().hex}"


def _remove(folder: Path) -> None:
    """Delete a base, unless another process has it open."""
    lock = unclaimed(folder)
    if lock is None:
        return
    gone = _draft(folder.parent)  # out of the way first: another process may build the base anew meanwhile
    try:
        folder.rename(gone)
    finally:
        os.close(lock)
    isolation.remove_tree(gone)


def _written(folder: Path, record: BaseRecord) -> BaseRecord:
    """Put the record beside its base; it comes back with the base's size."""
    size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    record = msgspec.structs.replace(record, size_bytes=size)
    draft = folder / ".base.json"
    draft.write_bytes(msgspec.json.encode(record))
    draft.replace(folder / "base.json")
    return record


def _record(path: Path) -> BaseRecord | None:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=BaseRecord)
        return msgspec.structs.replace(record, used_at=path.stat().st_mtime)
    except (OSError, msgspec.MsgspecError):
        return None
