"""What is not committed yet, by whatever version control `ces.vcs` knows.

Asked once a state of the tree (the index's generation, and the times of the VCS's own files, since a commit changes no
source), when a request arrives and as soon as the index sees a change, where the last answer came quickly. A request
waits a moment for it, a longer one if it has waited for a build anyway, and else goes without; the next one has it.
"""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path

from aid.context.piece import Ask, Piece, Place
from aid.context.reader import Index, Reader
from ces import vcs
from ces.errors import CesError
from ces.vcs.vcs import marker

log = logging.getLogger(__name__)

WEIGHT = 3
PATIENCE_S = 0.01
PATIENT_S = 0.3
LIMIT_S = 10.0
QUICK_S = 0.3  # a slower one is asked for by requests only, not at every change
MAX_BYTES = 64_000
WORKSPACES = 64

_STATE_FILES = {
    ".git": ("index", "HEAD", "logs/HEAD"),
    ".hg": ("dirstate", "store/00changelog.i"),
}


class Diff:
    """`patience_s` is how long a request waits, `patient_s` how long one that has waited for other things."""

    name = "diff"

    def __init__(self, patience_s: float = PATIENCE_S, patient_s: float = PATIENT_S) -> None:
        self._patience_s = patience_s
        self._patient_s = patient_s
        self._trees: OrderedDict[Path, _Tree] = OrderedDict()

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        if reader.index is None:
            return []
        task = self._begun(reader.root, reader.index)
        await asyncio.wait([task], timeout=self._patient_s if ask.patient else self._patience_s)
        if not task.done():
            return [self._piece("uncommitted changes (not there yet)", "")]
        at_hand = {path for ref in ask.files if (path := reader.relative(ref.path)) is not None}
        at_hand |= {*reader.open_paths(), *(one.file for one in ask.diagnostics if one.file is not None)}
        diff = _ordered(task.result(), at_hand).rstrip("\n")
        return [self._piece("uncommitted changes", diff)] if diff else []

    def start(self, root: Path, index: Index) -> None:
        self._begun(root.resolve(), index)

    def _begun(self, root: Path, index: Index) -> asyncio.Task[str]:
        tree = self._tree(root)
        tree.follow(index)
        return tree.asked(index.generation)

    async def close(self) -> None:
        """End what is being asked, and Mercurial's command servers."""
        for tree in self._trees.values():
            await tree.close()

    def _tree(self, root: Path) -> "_Tree":
        tree = self._trees.setdefault(root, _Tree(root))
        self._trees.move_to_end(root)
        idle = [path for path, one in self._trees.items() if one.idle() and path != root]
        for path in idle[: max(0, len(self._trees) - WORKSPACES)]:
            self._trees.pop(path).abandon()
        return tree

    def _piece(self, title: str, text: str) -> Piece:
        return Piece(source=self.name, title=title, text=text, weight=WEIGHT, place=Place.DIFF)


def _ordered(diff: str, at_hand: Collection[str]) -> str:
    """The diff with the files at hand first: what is cut is cut from its end."""
    files = re.split(r"(?m)^(?=diff --git )", diff)
    return "".join(sorted(files, key=lambda file: not any(f" b/{path}\n" in file[:2000] for path in at_hand)))


class _Tree:
    """One workspace's version control and the last answer it gave."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._vcs: vcs.Vcs | None = None
        self._state_files: tuple[Path, ...] | None = None
        self._state: tuple[int, ...] = ()
        self._task: asyncio.Task[str] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._followed: Index | None = None
        self._took_s = 0.0

    def asked(self, generation: int) -> asyncio.Task[str]:
        """The task that gives the diff of the tree as it is, begun now or before; the one in progress, if any."""
        state = (generation, *self._times())
        if self._task is None or (self._task.done() and state != self._state):
            self._state = state
            self._task = asyncio.create_task(self._diff(generation), name=f"diff {self._root.name}")
        return self._task

    def follow(self, index: Index) -> None:
        """Ask anew whenever `index` sees a change, so that the next request finds the answer there."""

        def changed(_: frozenset[str] | None) -> None:
            if self._followed is index and self._took_s < QUICK_S:
                self.asked(index.generation)

        if self._followed is not index:
            self._followed = index
            index.touched.append(changed)

    def idle(self) -> bool:
        return self._task is None or self._task.done()

    def abandon(self) -> None:
        self._closing = asyncio.create_task(self.close())

    async def close(self) -> None:
        self._followed = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._vcs is not None:
            await self._vcs.close()

    async def _diff(self, generation: int) -> str:
        """The diff, "" where there is no VCS or it doesn't answer."""
        started = time.monotonic()
        try:
            if self._state_files is None:
                self._vcs = await vcs.find(self._root)
                self._state_files = await _state_files(self._root)
                self._state = (generation, *self._times())
            if self._vcs is None:
                return ""
            return await asyncio.wait_for(self._vcs.diff(max_bytes=MAX_BYTES), LIMIT_S)
        except (OSError, TimeoutError, CesError) as error:
            log.warning("no diff of %s: %s", self._root, error or "it took too long")
            return ""
        finally:
            self._took_s = time.monotonic() - started

    def _times(self) -> list[int]:
        times: list[int] = []
        for file in self._state_files or ():
            try:
                times.append(file.stat().st_mtime_ns)
            except OSError:
                times.append(0)
        return times


async def _state_files(root: Path) -> tuple[Path, ...]:
    """The files a commit, an update or an `add` changes."""
    found = await marker(root)
    if found is None:
        return ()
    name, directory = found
    inside = directory / name
    if inside.is_file():  # git's worktrees and submodules: "gitdir: PATH"
        inside = directory / inside.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
    return tuple(inside / file for file in _STATE_FILES[name])
