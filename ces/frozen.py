"""Trees that nobody writes any more: copies of a workspace or of one of its revisions, named by their content.

In: a workspace, a revision or none. Out: a directory of ours and its content's id. Version control, build output,
caches and editors' own files are left out; installed packages (`node_modules`, `.venv`, …) are linked to.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from ces import vcs
from ces.errors import BadChange, InfraError
from ces.fingerprint import INSTALLED_DIRS, VCS_DIRS, Fingerprint
from ces.waiting import in_thread

TRIES = 3
_READ_BYTES = 1 << 20


async def freeze_revision(workspace: Path, rev: str, target: Path) -> None:
    """Write revision `rev` (as `resolve_revision` gave it) to the new directory `target`."""
    async with _repository(workspace) as found:
        await found.archive(rev, target)

    def link_installed() -> None:
        for item in workspace.iterdir():
            if item.name in INSTALLED_DIRS and not os.path.lexists(target / item.name):
                (target / item.name).symlink_to(item.resolve())

    await in_thread(link_installed)


async def resolve_revision(workspace: Path, rev: str) -> str:
    """The full hash that `rev` names in the repository of `workspace`."""
    async with _repository(workspace) as found:
        resolved = await found.resolve(rev)
    if resolved is None:
        raise BadChange(f"{rev!r} names no revision of {workspace}")
    return resolved


def concealed(workspace: Path) -> tuple[str, ...]:
    """What builds of a base must not see of where it came from: its history has the answers, its files may.

    Installed packages are linked to from the base, and so stay; so do folders that hold our own tools.
    """
    tools = [Path(each) for each in (sys.prefix, *os.environ.get("PATH", "").split(os.pathsep)) if each]
    items = list(workspace.iterdir())
    found = [workspace]
    if any(item.name in INSTALLED_DIRS for item in items) or any(tool.is_relative_to(workspace) for tool in tools):
        found = [item for item in items if item.name not in INSTALLED_DIRS and not item.is_symlink()]
    found += [above / name for above in workspace.parents for name in sorted(VCS_DIRS)]
    return tuple(str(path) for path in found if path.exists() and not any(tool.is_relative_to(path) for tool in tools))


@contextlib.asynccontextmanager
async def _repository(workspace: Path) -> AsyncIterator[vcs.Vcs]:
    found = await vcs.find(workspace)
    if found is None:
        raise BadChange(f"{workspace} is under no version control: name a git or Mercurial checkout, or no revision")
    try:
        yield found
    finally:
        await found.close()


def freeze_directory(workspace: Path, target: Path, tree: Fingerprint) -> str:
    """Copy the workspace as it stands to the new directory `target`; its content's id.

    `tree` is its fingerprint, looked at anew here. InfraError when files keep changing meanwhile.
    """
    for _ in range(TRIES):
        digest = tree.look().digest
        target.mkdir(parents=True)
        try:
            for path, entry in tree.entries.items():
                _bring(workspace / path, target / path, installed=stat.S_ISDIR(entry.stat[3]))
        except FileNotFoundError:
            pass  # it went away since the look
        else:
            if tree.look().digest == digest:
                return content_id(target, tree.outputs)
        shutil.rmtree(target)
    raise InfraError(f"{workspace} kept changing while it was copied: try again when nothing writes to it")


def content_id(root: Path, outputs: tuple[str, ...]) -> str:
    """A digest of every file's path, content and executable bit, and of where links lead."""
    tree = Fingerprint(root, outputs)
    tree.look()
    whole = hashlib.sha256()
    for path in sorted(tree.entries):
        file = root / path
        mode = tree.entries[path].stat[3]
        whole.update(os.fsencode(path) + b"\0")
        if stat.S_ISLNK(mode):
            whole.update(b"l" + os.fsencode(file.readlink()))
        elif stat.S_ISREG(mode):
            whole.update((b"x" if mode & 0o100 else b"-") + _hash(file))
        whole.update(b"\n")
    return whole.hexdigest()


def _hash(file: Path) -> bytes:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_READ_BYTES):
            found.update(piece)
    return found.digest()


def _bring(source: Path, target: Path, *, installed: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if installed and PurePosixPath(source).name in INSTALLED_DIRS:
        target.symlink_to(source.resolve())
        return
    try:
        shutil.copy2(source, target, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InfraError(f"can't copy {source}: {error.strerror}") from error
