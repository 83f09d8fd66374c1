"""Small real workspaces, and private directories for state. Nothing here touches the person's own."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ces import isolation, process
from ces import workspace as views
from ces.builds.adapter import BuildSettings
from ces.change import FileChange
from ces.check import Checker
from ces.isolation import KINDS, Kind

from .boxed import Boxed, tree_state

GOLDEN = Path(__file__).parent / "golden"
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)

MakeWorkspace = Callable[[str], Path]
MakeChecker = Callable[..., Checker]


def unpack(text: str, into: Path) -> None:
    """Write the files of a `-- path --` archive."""
    parts = _FILE.split(text)[1:]
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


@pytest.fixture(autouse=True)
def own_python_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter that runs the tests is the one a check without a virtual environment finds."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def workspace(tmp_path: Path) -> MakeWorkspace:
    def make(text: str) -> Path:
        root = tmp_path / "workspace"
        root.mkdir()
        unpack(text, root)
        return root

    return make


@pytest.fixture
def state_dir() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ces"))
    yield made
    isolation.remove_tree(made)


@pytest.fixture
def tsc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `tsc` on PATH that finds an error where a.ts says `broken`. Not seen in a sandbox."""
    program = tmp_path / "tools" / "tsc"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n! grep -q broken a.ts || { echo 'a.ts(1,1): error TS1: broken'; exit 2; }\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
async def checker(state_dir: Path) -> AsyncIterator[MakeChecker]:
    made: list[Checker] = []

    def make(root: Path, *command: str, kinds: tuple[Kind, ...] = KINDS) -> Checker:
        made.append(Checker(root, BuildSettings(command=command), state_dir, kinds=kinds))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def edit() -> Callable[[Path, str, str | None], FileChange]:
    """(root, path, text after or None) -> the change from what is on disk."""

    def change(root: Path, path: str, after: str | None) -> FileChange:
        file = root / path
        before = file.read_bytes() if file.exists() else None
        return FileChange(path=path, before=before, after=None if after is None else after.encode())

    return change


@pytest.fixture
def only_the_systems(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose tools are all the system's, which every user may read."""
    home = Path(tempfile.mkdtemp(prefix="ces-test-home-", dir="/var/lib"))
    home.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setenv("HOME", str(home))
    for name, value in process.build_environment().items():
        if value.startswith("/") and name not in ("PATH", "HOME"):
            monkeypatch.delenv(name)
    yield
    shutil.rmtree(home)


@pytest.fixture(params=["bubblewrap", "unshare", "another user", "session"])
async def boxed(request: pytest.FixtureRequest, tmp_path: Path, state_dir: Path) -> AsyncIterator[Boxed]:
    """One kind of isolation; afterwards nothing may be running and the tree must be what it was."""
    kind: Kind = "unshare" if request.param == "another user" else request.param
    if request.param == "another user":
        if os.geteuid() != 0:
            pytest.skip("only root can run a build as another user")
        request.getfixturevalue("only_the_systems")
    root = tmp_path / "work, space:1"
    (root / "_build").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("kept-by-no-sandbox-4711")
    (root / "sub" / ".git").mkdir(parents=True)
    (root / "sub" / "keep").write_text("kept")
    (root / "_build" / "old").write_text("theirs")
    (root / "source").write_text("source")
    found = await isolation.probe(root, state_dir, (kind, "session"))
    if found.kind != kind:
        pytest.skip(f"{kind} doesn't work here: {'; '.join(found.notes)}")
    if request.param == "another user" and not found.user:
        pytest.skip(f"builds can't run as another user here: {'; '.join(found.notes)}")
    made = Boxed(root, found, views.make(root, state_dir, found, ["_build"]))
    yield made
    assert made.left_running() == []
    assert tree_state(root) == made.before
