"""Which files of a project are its source, which its tests. By name alone."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ces.tree import VCS_NAMES

SOURCE_SUFFIXES = frozenset(
    {".ml", ".mli", ".mll", ".mly", ".py", ".pyi", ".ts", ".tsx", ".js", ".jsx", ".rs", ".c", ".h"}
)
BUILD_FILES = frozenset({"dune"})
_TEST_DIRECTORY = re.compile(
    r"^(?:t|tests?|testing|.*[_-]tests?|tests?[_-].*|__tests__|spec|bench(?:mark)?s?|examples?)$"
)
_TEST_FILE = re.compile(r"^(?:tests?|test[_-].*|.*[_-]tests?|conftest|.*\.(?:test|spec))$")
_FOREIGN = VCS_NAMES | {
    "_build", "_opam", "node_modules", ".venv", "venv", "target", "dist", "vendor", "duniverse", "__pycache__",
}  # fmt: skip
_LARGEST_BYTES = 400_000


def is_test(path: str) -> bool:
    pure = PurePosixPath(path)
    return any(_TEST_DIRECTORY.match(name) for name in pure.parts[:-1]) or _TEST_FILE.match(pure.stem) is not None


def is_source(path: str) -> bool:
    """Source, or what builds it, and no test."""
    pure = PurePosixPath(path)
    return (pure.suffix in SOURCE_SUFFIXES or pure.name in BUILD_FILES) and not is_test(path)


def sources(root: Path) -> dict[str, bytes]:
    """The project's source files that are UTF-8 text: tests, builds' outputs and other people's code left out."""
    found = {}
    for path in _files(root):
        relative = path.relative_to(root).as_posix()
        if is_source(relative) and not path.is_symlink() and path.stat().st_size <= _LARGEST_BYTES:
            content = path.read_bytes()
            if _is_text(content):
                found[relative] = content
    return found


def _files(root: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in _FOREIGN)
        yield from (Path(directory, name) for name in sorted(names))


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False
