"""What version control knows of a workspace. One file a system beside this one; `find` says which it is.

Reads only. Nothing a repository configures for itself is run: hooks, filters, external diffs, aliases and extensions
that come with it stay off.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

State = Literal["modified", "added", "deleted", "untracked"]
MAX_DIFF_BYTES = 1 << 20
# Where a commit begins in a log that writes \1, its hash, NUL, its parent's hash, NUL: no subject looks like that.
RECORD = re.compile(rb"\x01(?=[0-9a-f]{40,64}\0[0-9a-f]{40,64}\0)")


class FileState(msgspec.Struct, frozen=True):
    """A file that differs from the parent revision. `path` is relative to the workspace, with `/`."""

    path: str
    state: State


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit of the history. `parent` is its only parent's full hash, `time_s` seconds since 1970.

    `paths` are the files it touches inside the workspace; a rename is both names.
    """

    id: str
    parent: str
    time_s: int
    subject: str
    paths: tuple[str, ...]


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

    async def resolve(self, rev: str) -> str | None:
        """The full hash of the one revision that `rev` names, in the system's own words; None where it names none."""
        ...

    async def archive(self, rev: str, target: Path) -> tuple[str, ...]:
        """Write the workspace's part of a revision into `target`, a new or empty directory: bytes as they are stored.

        No content filter, no line-end conversion, no export attribute is applied; executable bits and links are kept.
        What was left out comes back: submodules, links out of the tree, names that can't be files of a workspace.
        """
        ...

    async def read(self, rev: str, path: str) -> bytes | None:
        """A file's stored bytes in a revision; None where it isn't there or is no regular file."""
        ...

    async def history(self, since: str | None = None, limit: int = 1000) -> list[Commit]:
        """The parent revision's ancestors that aren't `since`'s, newest first, merges and the first commit left out.

        Only commits that touch the workspace.
        """
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
