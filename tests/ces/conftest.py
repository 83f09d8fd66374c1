"""Small real workspaces, and private directories for state. Nothing here touches the person's own."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)


def unpack(text: str, into: Path) -> dict[str, bytes]:
    """Write the files of a `-- path --` archive; returns them by path."""
    parts = _FILE.split(text)[1:]
    files = {name: content.encode() for name, content in zip(parts[::2], parts[1::2], strict=True)}
    for name, content in files.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files


@pytest.fixture
def state_dir() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ces", dir=Path.home() / ".cache" if False else None))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[[str], Path]:
    def make(text: str) -> Path:
        root = tmp_path / "workspace"
        root.mkdir()
        unpack(text, root)
        return root

    return make
