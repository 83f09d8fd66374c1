"""What a dune tree reads through symbolic links: dune's rules name it as the link does, a change by its own path.

`with_links` adds both to what is read by more than the compiler, so that dune is asked of them. It looks only into
directories that the rules read; a link that no rule reads, or that leads out of the tree, says nothing.
"""

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ces.builds.dune_modules import Modules


def with_links(modules: Modules, tree: Path) -> Modules:
    """`modules`, learnt of the built `tree`, with what is read there through links of files and of directories."""
    root = Path(os.path.realpath(tree))
    files: set[str] = set()
    directories: set[str] = set()
    for directory, names in _read(modules).items():
        own = _own_path(root, directory)
        if own != directory:
            directories |= {directory, own}
        for link in _links(root / directory, names):
            path = posixpath.join(directory, link)
            files |= {path, _own_path(root, path)}
    return msgspec.structs.replace(
        modules,
        read_elsewhere=modules.read_elsewhere | files,
        looked_through=modules.looked_through | directories,
    )


def _read(modules: Modules) -> dict[str, set[str]]:
    """directory -> the files in it that rules read one by one, perhaps none."""
    found: dict[str, set[str]] = {
        directory: set() for directory in (*modules.looked_through, *(modules.copied_from or ()))
    }
    for source in modules.sources:
        directory, _, name = source.rpartition("/")
        found.setdefault(directory, set()).add(name)
    return found


def _own_path(root: Path, path: str) -> str:
    """The path that a change to this would have; outside the tree, where none can be, `path` itself."""
    real = Path(os.path.realpath(root / path))
    if not real.is_relative_to(root):
        return path
    own = real.relative_to(root).as_posix()
    return "" if own == "." else own


def _links(directory: Path, names: set[str]) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name in names and entry.is_symlink():
                    yield entry.name
    except OSError:  # made by the build
        return
