"""What version control knows of a workspace. One file a system beside this one; `find` says which it is.

Reads only. Nothing a repository configures for itself is run: hooks, filters, external diffs, aliases and extensions
that come with it stay off.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

State = Literal["modified", "added", "deleted", "untracked"]
MAX_DIFF_BYTES = 1 << 20


class FileState(msgspec.Struct, frozen=True):
    """A file that differs from the parent revision. `path` is relative to the workspace, with `/`."""

    path: str
    state: State


class Vcs(Protocol):
    """A workspace under version control. Paths are relative to the workspace; what lies outside it is left out.

    Methods raise InfraError when the program fails or takes longer than its limit.
    """

    name: str

    async def tracked(self) -> list[str]:
        """The files under version control, as the working directory has them scheduled."""
        ...

    async def status(self) -> list[FileState]:
        """What differs from the parent revision; ignored files are left out, a rename is a deletion and an addition."""
        ...

    async def diff(self, paths: Sequence[str] | None = None, max_bytes: int = MAX_DIFF_BYTES) -> str:
        """The working tree against the parent revision, unified and git-style, untracked files left out.

        Cut after the last whole line within `max_bytes`. Mercurial leaves out a file deleted without `hg rm`.
        """
        ...

    async def revision(self) -> str | None:
        """The parent revision's full hash; None before the first commit."""
        ...

    async def close(self) -> None: ...


def text_within(content: bytes, max_bytes: int) -> str:
    """UTF-8 text of at most so many bytes, ending with a whole line where it had to be cut."""
    if len(content) > max_bytes:
        content = content[: content.rfind(b"\n", 0, max_bytes) + 1]
    return content.decode("utf-8", "replace")


async def marker(root: Path) -> tuple[str, Path] | None:
    """(".git" or ".hg", the directory that has it): the nearest at or above `root`."""

    def search() -> tuple[str, Path] | None:
        for directory in (root, *root.parents):
            for name in (".git", ".hg"):
                if os.path.lexists(directory / name):
                    return name, directory
        return None

    return await asyncio.to_thread(search)
