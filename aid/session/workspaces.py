"""The workspaces the daemon has open: each opened once however many ask, and closed when nobody needs it any more.

One whose settings changed is opened anew; the one before it closes with the last request that uses it. One that lay
idle for long closes too: an open workspace has threads, watches, connections to its index, perhaps a Mercurial server.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aid.config import Loaded
from aid.errors import AidError, UsageError
from aid.session.workspace import Workspace, settled

IDLE_S = 3600.0
LOOK_S = 300.0

log = logging.getLogger(__name__)


class _Opened:
    """A workspace, or one that is being opened, and how many requests need it. `used_at` is the clock's."""

    def __init__(self, root: Path, opening: asyncio.Task[Workspace]) -> None:
        self.root = root
        self.opening = opening
        self.users = 0
        self.used_at = 0.0

    @property
    def workspace(self) -> Workspace | None:
        """None: not open yet, or it can't be opened."""
        done = self.opening.done() and not self.opening.cancelled() and self.opening.exception() is None
        return self.opening.result() if done else None


class Workspaces:
    """`in_use` says of a root that somebody works there though they ask nothing. `clock` counts seconds."""

    def __init__(
        self,
        load: Callable[[Path], Loaded],
        in_use: Callable[[Path], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._in_use = in_use
        self._clock = clock
        self._opened: dict[Path, _Opened] = {}
        self._retired: set[_Opened] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    @property
    def opened(self) -> list[Workspace]:
        return [each.workspace for each in self._opened.values() if each.workspace is not None]

    @asynccontextmanager
    async def use(self, root: Path) -> AsyncIterator[Workspace]:
        """The workspace at `root`, with its settings as they are now. It is not closed before this ends."""
        opened = self._at(root)
        opened.users += 1
        try:
            yield await asyncio.shield(opened.opening)
        finally:
            opened.users -= 1
            opened.used_at = self._clock()
            if opened in self._retired and not opened.users:
                self._close(opened)

    def close_idle(self) -> None:
        """Begin to close what nobody asked of, or works in, for `IDLE_S`."""
        for root, opened in list(self._opened.items()):
            if opened.users or self._in_use(root):
                opened.used_at = self._clock()
            elif self._clock() - opened.used_at >= IDLE_S:
                log.info("closing %s: idle for %g s", root.name, self._clock() - opened.used_at)
                del self._opened[root]
                self._close(opened)

    async def settle(self) -> None:
        """Wait until what is being closed is closed."""
        await asyncio.gather(*self._closing)

    async def close(self) -> None:
        """Close all, whoever uses them."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for opened in (*self._opened.values(), *self._retired):
            self._close(opened)
        self._opened.clear()
        await self.settle()

    def _at(self, root: Path) -> _Opened:
        loaded = self._load(root)
        opened = self._opened.get(root)
        if opened is not None and opened.opening.done() and not _is_as(loaded, opened.workspace):
            self._retire(opened)
            opened = None
        if opened is None:
            opened = _Opened(root, asyncio.create_task(Workspace.open(root, loaded)))
            self._opened[root] = opened
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="idle workspaces")
        return opened

    def _retire(self, opened: _Opened) -> None:
        del self._opened[opened.root]
        if opened.users:
            self._retired.add(opened)
        else:
            self._close(opened)

    def _close(self, opened: _Opened) -> None:
        self._retired.discard(opened)
        opened.opening.cancel()
        task = asyncio.create_task(_closed(opened), name=f"closing {opened.root.name}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.close_idle()


def _is_as(loaded: Loaded, workspace: Workspace | None) -> bool:
    return workspace is not None and workspace.settled == settled(loaded)


async def _closed(opened: _Opened) -> None:
    """Close it, open or not. The one guard of this job: what can't be closed must not keep the others open."""
    await asyncio.wait([opened.opening])
    if opened.workspace is None:
        return
    try:
        await opened.workspace.close()
    except (AidError, OSError):
        log.exception("%s could not be closed in good order", opened.root.name)


def root_named(workspace: str) -> Path:
    """The real path of a workspace that a client names. Raises UsageError."""
    root = Path(workspace)
    if not root.is_absolute():
        raise UsageError(f"workspace {workspace!r} is not an absolute path")
    if not root.is_dir():
        raise UsageError(f"workspace {workspace} is not a directory")
    return root.resolve()
