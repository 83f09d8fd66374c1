"""What is not committed yet, by git or Mercurial.

Asked once a state of the tree (the index's generation, and the VCS's own files' times, since a commit changes no
source). A request waits a moment for it and else goes without; the next one has it.
"""

import asyncio
import logging
from collections import OrderedDict
from pathlib import Path

from aid.context.piece import Ask, Piece, Place
from aid.context.reader import Reader
from ces import vcs

log = logging.getLogger(__name__)

WEIGHT = 3
PATIENCE_S = 0.02
LIMIT_S = 10.0
MAX_BYTES = 64_000
WORKSPACES = 64

_STATE_FILES = (".git/index", ".git/HEAD", ".git/logs/HEAD", ".hg/dirstate", ".hg/store/00changelog.i")
_State = tuple[int, ...]


class Diff:
    name = "diff"

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._asked: OrderedDict[Path, tuple[_State, asyncio.Task[str]]] = OrderedDict()

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        if reader.index is None:
            return []
        task = self._task(reader.root, reader.index.generation)
        await asyncio.wait([task], timeout=self._patience_s)
        if not task.done():
            return [self._piece("uncommitted changes (not there yet)", "")]
        diff = task.result().rstrip("\n")
        return [self._piece("uncommitted changes", diff)] if diff else []

    async def close(self) -> None:
        tasks = [task for _, task in self._asked.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, root: Path, generation: int) -> asyncio.Task[str]:
        state = (generation, *_times(root))
        known = self._asked.get(root)
        if known is not None and (known[0] == state or not known[1].done()):
            return known[1]
        task = asyncio.create_task(_diff(root), name=f"diff {root.name}")
        self._asked[root] = (state, task)
        self._asked.move_to_end(root)
        while len(self._asked) > WORKSPACES:
            self._asked.popitem(last=False)[1][1].cancel()
        return task

    def _piece(self, title: str, text: str) -> Piece:
        return Piece(source=self.name, title=title, text=text, weight=WEIGHT, place=Place.DIFF)


async def _diff(root: Path) -> str:
    """The diff, "" where there is no VCS or it doesn't answer."""
    try:
        found = await asyncio.to_thread(vcs.find, root)
        if found is None:
            return ""
        return await asyncio.wait_for(found.diff(max_bytes=MAX_BYTES), LIMIT_S)
    except (OSError, TimeoutError) as error:
        log.warning("no diff of %s: %s", root, error or "it took too long")
        return ""


def _times(root: Path) -> list[int]:
    times: list[int] = []
    for name in _STATE_FILES:
        try:
            times.append((root / name).stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return times
