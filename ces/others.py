"""Whether root's builds could run as another user: what of all they need that one could not get at.

The view and /tmp are shown to that user as its own (`ces.namespaces`); the tools, and what the tree links to, are read
where they are. Looks at permissions only. Blocking.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

USER = 65533  # of the ids that Debian keeps back (base-passwd's README), nobody's and no daemon's
LOOKED_AT = 200_000
# Compilers and libraries that are found through the home directory, which that user is not shown.
_IN_HOME = (".cargo", ".rustup", ".opam")


def shut(root: Path, env: Mapping[str, str]) -> str | None:
    """The first thing that another user could not read, and what it is on the way to. `env` is the build's."""
    seen: set[str] = set()
    for wanted in _needed(root, env):
        for path in (*reversed(wanted.parents), wanted):
            if str(path) not in seen and not _open(path, last=path == wanted):
                return f"{path} on the way to {wanted}" if path != wanted else str(path)
            seen.add(str(path))
    return None


def shut_above(root: Path) -> str | None:
    """The uppermost directory above `root` that another user could not enter."""
    return next((str(path) for path in reversed(root.parents) if not _open(path, last=False)), None)


def _needed(root: Path, env: Mapping[str, str]) -> Iterator[Path]:
    for name, value in env.items():
        for each in value.split(os.pathsep) if name != "HOME" else ():
            if each.startswith("/") and Path(each).exists():
                yield Path(each).resolve()
                if name == "PATH":
                    yield from _linked(each, recursive=False)
    yield from (Path.home() / name for name in _IN_HOME if (Path.home() / name).exists())
    yield from (each for each in _linked(str(root), recursive=True) if not each.is_relative_to(root))


def _linked(directory: str, *, recursive: bool) -> Iterator[Path]:
    """Where the links in it lead."""
    left, directories = LOOKED_AT, [directory]
    while directories and left > 0:
        try:
            with os.scandir(directories.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_symlink():
                        target = Path(os.path.realpath(entry.path))
                        if target.exists():
                            yield target
                    elif recursive and entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
        except OSError:
            continue


def _open(path: Path, *, last: bool) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    if stat.S_ISDIR(mode):
        return bool(mode & stat.S_IXOTH) and (not last or bool(mode & stat.S_IROTH))
    return not last or bool(mode & stat.S_IROTH) or not stat.S_ISREG(mode)
