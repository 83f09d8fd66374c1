"""A workspace of its own for each test, and AID's directories away from the person's."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short directory that holds state, configuration, cache and runtime files."""
    directory = Path(tempfile.mkdtemp(prefix="aid"))
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(directory / name.lower()))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def root(home: Path) -> Path:
    directory = home / "work"
    directory.mkdir()
    return directory
