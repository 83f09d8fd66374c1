"""Which workspace a directory belongs to, when nobody says; which file of one a person means."""

import os
from pathlib import Path

OWNED = (".git", ".hg", "aid.toml")
PROJECT = (
    "dune-project",
    "dune-workspace",
    "pyproject.toml",
    "setup.py",
    "Cargo.toml",
    "package.json",
    "go.mod",
    "CMakeLists.txt",
    "Makefile",
)


def find_root(start: Path) -> Path:
    """The nearest directory, `start` or above it, that holds a repository or a project; `start` when none does.

    The home directory and what is above it count only with a repository or an aid.toml: a stray package.json there
    would make everything one workspace.
    """
    start = start.resolve()
    home = Path.home().resolve()
    for directory in (start, *start.parents):
        markers = OWNED if home.is_relative_to(directory) else OWNED + PROJECT
        if any((directory / name).exists() for name in markers):
            return directory
    return start


def is_too_wide(root: Path) -> bool:
    """Whether it is the home directory or above it, and no project: to index all of that is never what was meant."""
    return Path.home().resolve().is_relative_to(root) and not any((root / name).exists() for name in OWNED)


def inside(root: Path, named: str) -> str | None:
    """The real path, relative to `root`, of a file named relative to it or absolutely; None when it is outside."""
    real_root = root.resolve()
    real = Path(os.path.realpath(real_root / named))
    return real.relative_to(real_root).as_posix() if real.is_relative_to(real_root) else None
