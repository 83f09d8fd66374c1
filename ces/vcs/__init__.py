"""Which version control a workspace is under."""

import asyncio
from pathlib import Path

from ces.vcs.git import Git
from ces.vcs.hg import Hg
from ces.vcs.vcs import Commit, FileState, State, Vcs, marker

__all__ = ["Commit", "FileState", "Git", "Hg", "State", "Vcs", "find"]


async def find(root: Path) -> Vcs | None:
    """Git or Mercurial, whichever has the nearest repository at or above `root`; None where there is none."""
    root = await asyncio.to_thread(root.resolve)
    found = await marker(root)
    if found is None:
        return None
    name, repository = found
    return Git(root) if name == ".git" else Hg(root, repository)
