"""Workspaces on disk with their index, and a way to build a context in them."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

import msgspec
import pytest

from aid.context.index import WorkspaceIndex
from ces.verdict import Diagnostic, Range, Severity


class Buffer(msgspec.Struct, frozen=True):
    """An open document."""

    text: str


@pytest.fixture(autouse=True)
def own_directories(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test touches the user's state or reads their git configuration."""
    base = Path(tempfile.mkdtemp(prefix="aid"))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "HOME"):
        (base / variable).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(base / variable))
    monkeypatch.setenv("HGRCPATH", "")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    yield base
    rmtree(base)


@pytest.fixture
def root(own_directories: Path) -> Path:
    path = own_directories / "workspace"
    path.mkdir()
    return path


Write = Callable[[Mapping[str, str | bytes]], None]


@pytest.fixture
def write(root: Path) -> Write:
    """Write files into the workspace, by relative path."""

    def files(contents: Mapping[str, str | bytes]) -> None:
        for name, content in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return files


@pytest.fixture
async def indexed(root: Path) -> AsyncIterator[Callable[..., Any]]:
    """Make and start an index; it is ready when it comes back, unless told `ready=False`."""
    made: list[WorkspaceIndex] = []

    async def make(*, ready: bool = True, **options: Any) -> WorkspaceIndex:
        index = WorkspaceIndex(root, **options)
        made.append(index)
        await index.start()
        if ready:
            await index.until_ready()
        return index

    yield make
    for index in made:
        await index.close()


class Counter:
    """Counts four characters a token, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def __call__(self, texts: Sequence[str]) -> list[int]:
        self.asked.append(list(texts))
        return [-(-len(text) // 4) for text in texts]


@pytest.fixture
def count() -> Counter:
    return Counter()


def error(file: str | None, line: int, message: str, severity: Severity = "error") -> Diagnostic:
    """An error on a one-based line."""
    where = Range(line - 1, 0, line - 1, 4)
    return Diagnostic(file=file, range=where, severity=severity, message=message)
