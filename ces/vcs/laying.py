"""Writing a revision's files into a new directory: what a repository holds never leads a write, or a link, outside it.

Entries come in as version control stores them (raw: no filters, no line-end conversion, no export attributes). Left
out, and named at the end: submodules, links that lead outside the target, names that belong to version control, names
that aren't UTF-8.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ces.errors import BadChange, InfraError
from ces.tree import components

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Laying:
    """One revision being written. Links come last, so no file is ever written through one."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._links: dict[str, str] = {}
        self._made: set[str] = {""}
        self._left_out: list[str] = []

    def file(self, path: str, content: bytes, *, executable: bool) -> None:
        if not self._allowed(path):
            return
        self._parents(path)
        fd = os.open(self._target / path, _NEW_FILE, 0o755 if executable else 0o644)
        with os.fdopen(fd, "wb") as file:
            file.write(content)

    def link(self, path: str, to: str) -> None:
        if not self._allowed(path):
            return
        if _stays_inside(path, to):
            self._links[path] = to
        else:
            self._left_out.append(path)

    def skip(self, path: str) -> None:
        self._left_out.append(path)

    def finish(self) -> tuple[str, ...]:
        """Make the links; the paths that were left out."""
        for path, to in self._links.items():
            self._parents(path)
            (self._target / path).symlink_to(to)
        return tuple(sorted(self._left_out))

    def _allowed(self, path: str) -> bool:
        try:
            components(path)
        except BadChange:
            self._left_out.append(path)
            return False
        return True

    def _parents(self, path: str) -> None:
        """Make the directories above; one whose place a link has taken is an error, never entered."""
        above = path.split("/")[:-1]
        for end in range(1, len(above) + 1):
            directory = "/".join(above[:end])
            if directory not in self._made:
                (self._target / directory).mkdir()
                self._made.add(directory)


@contextmanager
def laying(target: Path) -> Iterator[Laying]:
    """`target` is made, or is empty; what was written goes again when the body fails.

    Raises InfraError for what the system refuses.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        occupied = any(target.iterdir())
    except OSError as error:
        raise InfraError(f"can't write {target}: {error.strerror}") from error
    if occupied:
        raise InfraError(f"{target} is not empty: a revision is written into a new directory")
    try:
        yield Laying(target)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InfraError(f"can't write the revision to {target}: {error.strerror}") from error
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _stays_inside(path: str, to: str) -> bool:
    """Whether a link at `path` leads to a place in the tree, whatever other links do.

    `..` may only come first: after the name of another link it would be that link's target's parent.
    """
    names = to.split("/")
    up = 0
    while up < len(names) and names[up] == "..":
        up += 1
    return bool(to) and not to.startswith("/") and ".." not in names[up:] and up <= path.count("/")
