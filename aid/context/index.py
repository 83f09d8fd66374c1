"""The index of one workspace: built in the background, kept by file watching, asked by requests.

A request uses what is there and never waits for it. The whole workspace is compared in a process of its own
(`aid.context.scan`); a few changed files are read on a thread. What it says of a file may lag behind the disk by the
watcher's half second: who shows a file's text reads the file (`aid.context.reader`).
"""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

import aid
from aid import paths
from aid.config import ContextSettings
from aid.context import search
from aid.context.languages import LANGUAGES, load
from aid.context.scan import Report, refresh
from aid.context.stale import mark
from aid.context.store import open_index
from aid.context.watch import Watcher, watch_allowance

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Touched = Callable[[frozenset[str] | None], None]

FEW_FILES = 32  # read on the thread; more are left to a scan
POLL_S = 5.0
SAFETY_S = 600.0  # the kernel drops notifications when too many come at once, and nobody says so
ATTEMPTS = 5  # to watch folders that come and go while they are listed
REST = 2.0  # times as long as the last scan took
RETRY_S = 30.0
POLL_SHARE = 20  # polling takes at most a twentieth of the time


class WorkspaceIndex:
    """`start` it, `ask` it, `close` it; all on one event loop.

    `touched` are called with the changed paths (relative), or None when too many changed to name them.
    `generation` grows with every change. `files` counts those in the index, `ready` tells that they are all there.
    """

    def __init__(
        self,
        root: Path,
        settings: ContextSettings | None = None,
        *,
        file: Path | None = None,
        most_watches: int | None = None,
        poll_s: float = POLL_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self.root = root.resolve()
        self.generation = 0
        self.files = 0
        self.ready = False
        self.polling = False
        self.touched: list[Touched] = []
        self._settings = settings or ContextSettings()
        self._file = file or index_file(self.root)
        self._most_watches = watch_allowance() if most_watches is None else most_watches
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._reading = _Thread(self._file, "aid-index-read")
        self._writing = _Thread(self._file, "aid-index-write")
        self._changed = asyncio.Condition()
        self._pending: set[str] = set()
        self._wake = asyncio.Event()
        self._folders: tuple[str, ...] | None = None
        self._watched: tuple[str, ...] | None = None
        self._languages: tuple[str, ...] = ()
        self._behind = False
        self._rested_at = 0.0
        self._watcher: Watcher | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open what an earlier daemon left and begin to bring it up to date. Returns at once."""
        await asyncio.to_thread(mark, self._file, self.root)
        self.files = await self.ask(search.count)
        self._task = asyncio.create_task(self._keep(), name=f"index {self.root.name}")

    async def close(self) -> None:
        """End watching, scanning and the threads. Closing twice is once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._watcher is not None:
            await asyncio.to_thread(self._watcher.join)
        await self._reading.close()
        await self._writing.close()

    async def ask(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a question of `aid.context.search` on the reading thread."""
        return await self._reading.run(question, *args, **kwargs)

    async def until_ready(self) -> None:
        """Wait until the whole workspace is indexed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.ready)

    async def until_newer(self, generation: int) -> int:
        """Wait for a generation after `generation`, and return it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.generation > generation)
            return self.generation

    def touch(self, changed: Iterable[str]) -> None:
        """Say that these paths (relative) changed, without waiting for the watcher to notice."""
        self._pending.update(changed)
        self._wake.set()

    async def _keep(self) -> None:
        while True:
            try:
                if not self.ready:
                    await self._begin()
                await self._next_change()
            except Exception:  # the one guard of this job: requests go on with what is indexed
                log.exception("index of %s: trying again in %g s", self.root, self._retry_s)
                await asyncio.sleep(self._retry_s)

    async def _begin(self) -> None:
        await self._scan()
        await self._arm()
        await self._writing.run(_load_grammars, self._languages)
        self.ready = True
        await self._announce(())

    async def _next_change(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self._poll_s if self.polling else SAFETY_S)
        except TimeoutError:
            await self._scan()
            return
        self._wake.clear()
        pending, self._pending = self._pending, set()
        rescan = self._behind or len(pending) > FEW_FILES
        self._behind = False
        if not rescan:
            limit = self._settings.max_file_bytes
            changed, rescan = await self._writing.run(_refresh, self.root, pending, max_file_bytes=limit)
            if changed:
                self.files = await self._writing.run(search.count)
                await self._announce(changed)
        if rescan:
            await self._rest()
            await self._scan()
            if self._folders != self._watched and not self.polling:
                await self._arm()

    async def _arm(self) -> None:
        """Watch the folders there are; scan once more for what changed meanwhile, until nothing did."""
        for attempt in range(ATTEMPTS):
            folders = self._folders or ("",)
            if len(folders) > self._most_watches:
                self._poll(f"{len(folders)} folders are more than the {self._most_watches} to be watched")
                return
            old = self._watcher
            try:
                self._watcher = Watcher([str(self.root / folder) for folder in folders], self._seen)
            except OSError as error:
                going = isinstance(error, FileNotFoundError | PermissionError) and self.root.is_dir()
                if not going or attempt == ATTEMPTS - 1:
                    self._poll(f"the folders can't be watched ({str(error).partition(' about ')[0]})")
                    return
                await self._scan()
                continue
            finally:
                if old is not None and old is not self._watcher:
                    old.stop()
            self._watched = folders
            await self._scan()
            if self._folders == folders:
                return
        self._behind = True
        self._wake.set()

    async def _rest(self) -> None:
        """Folders may come and go without end (a package manager at work): scanning takes a part of the time only."""
        await asyncio.sleep(max(0.0, self._rested_at - asyncio.get_running_loop().time()))

    def _poll(self, reason: str) -> None:
        self.polling = True
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        log.warning(
            "index of %s: %s; comparing the tree every %g s instead (raise fs.inotify.max_user_watches)",
            self.root,
            reason,
            self._poll_s,
        )

    def _seen(self, changed: set[str]) -> None:
        prefix = f"{self.root}/".replace("//", "/")
        self.touch(path[len(prefix) :] for path in changed if path.startswith(prefix))

    async def _scan(self) -> None:
        """Compare the whole workspace, in a process of its own; what it finds is used while it goes on."""
        arguments = (self.root, self._file, self._settings.max_files, self._settings.max_file_bytes)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aid.context.scan", *map(str, arguments)),
            cwd=Path(aid.__file__).parent.parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
        try:
            output, errors = await process.communicate()
        except asyncio.CancelledError:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
            log.warning("index of %s: the scan failed (%s); using what is indexed", self.root, last)
            return
        await self._take(msgspec.json.decode(output, type=Report))

    async def _take(self, report: Report) -> None:
        self._folders = report.folders
        if report.left_out:
            log.warning("index of %s: %d files beyond max_files left out", self.root, report.left_out)
        self._poll_s = max(self._poll_s, POLL_SHARE * report.wall_s) if self.polling else self._poll_s
        self.files = report.files
        self._languages = report.languages
        self._rested_at = asyncio.get_running_loop().time() + REST * report.wall_s
        if report.touched is None or report.touched:
            await self._announce(report.touched)

    async def _announce(self, changed: Iterable[str] | None) -> None:
        named = None if changed is None else frozenset(changed)
        async with self._changed:
            if named is None or named:
                self.generation += 1
            self._changed.notify_all()
        if named is None or named:
            for callback in self.touched:
                callback(named)


class _Thread:
    """A thread with its own connection to the index."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None
        self._inode = -1
        self._closed = False

    async def run(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: question(self._open(), *args, **kwargs))

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._pool, self._shut)
            self._pool.shutdown()

    def _open(self) -> sqlite3.Connection:
        try:
            inode = self._file.stat().st_ino
        except FileNotFoundError:
            inode = -1
        if self._connection is None or inode != self._inode:  # the cache may be deleted at any time
            self._shut()
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = open_index(self._file)
            self._inode = self._file.stat().st_ino
        return self._connection

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _refresh(
    connection: sqlite3.Connection, root: Path, changed: Iterable[str], *, max_file_bytes: int
) -> tuple[list[str], bool]:
    return refresh(root, connection, changed, max_file_bytes=max_file_bytes)


def _load_grammars(_connection: sqlite3.Connection, languages: Iterable[str]) -> None:
    """Compiling a query holds up every thread, for OCaml 70 ms: now, not in a request with unsaved text."""
    for spoken in LANGUAGES:
        if spoken.name in languages:
            load(spoken)


def index_file(root: Path) -> Path:
    """Where a workspace's index is kept: in the cache directory, to be deleted at will."""
    return index_folder() / f"{paths.workspace_key(root)}.sqlite"


def index_folder() -> Path:
    return paths.cache_dir() / "index"
