"""Which workspaces are open: none longer than somebody needs it."""

import os
import subprocess
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aid import config
from aid.context import search
from aid.context.stale import drop_stale
from aid.session.workspaces import IDLE_S, Workspaces

Scene = Any


class Now:
    def __init__(self) -> None:
        self.s = 0.0
        self.in_use: set[Path] = set()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def workspaces(now: Now) -> AsyncIterator[Workspaces]:
    made = Workspaces(config.load, lambda root: root in now.in_use, lambda: now.s)
    yield made
    await made.close()


@pytest.fixture
def root(home: Path) -> Path:
    (home / "work").mkdir()
    return home / "work"


def change_settings(root: Path, number: int) -> None:
    (root / "aid.toml").write_text(f"[context]\nmax_files = {number}\n")


class NoOne:
    def documents(self) -> dict[Path, Any]:
        return {}


async def is_open(workspace: Any) -> bool:
    try:
        await workspace.index.ask(search.count)
    except RuntimeError:
        return False
    return True


async def test_a_workspace_is_opened_once_however_many_ask(workspaces: Workspaces, root: Path) -> None:
    async with workspaces.use(root) as first, workspaces.use(root) as second:
        assert first is second
    assert await is_open(first)


async def test_one_whose_settings_changed_closes_with_its_last_request(workspaces: Workspaces, root: Path) -> None:
    async with workspaces.use(root) as old:
        async with workspaces.use(root):
            change_settings(root, 1000)
            async with workspaces.use(root) as new:
                assert new is not old
        await workspaces.settle()
        assert await is_open(old)
    await workspaces.settle()
    assert not await is_open(old) and await is_open(new)
    assert workspaces.opened == [new]


async def test_an_idle_one_closes(workspaces: Workspaces, root: Path, now: Now) -> None:
    async with workspaces.use(root) as used:
        now.s = 2 * IDLE_S
        workspaces.close_idle()
    now.s += IDLE_S - 1
    workspaces.close_idle()
    await workspaces.settle()
    assert await is_open(used)
    now.s += 1
    now.in_use.add(root)
    workspaces.close_idle()
    await workspaces.settle()
    assert await is_open(used)
    now.in_use.clear()
    now.s += IDLE_S
    workspaces.close_idle()
    await workspaces.settle()
    assert not await is_open(used) and workspaces.opened == []


async def test_changing_settings_again_and_again_leaks_nothing(workspaces: Workspaces, root: Path) -> None:
    subprocess.run(["git", "init", "-q", root], check=True)
    seen = []
    for number in range(1, 9):
        change_settings(root, 1000 * number)
        async with workspaces.use(root) as workspace:
            await workspace.build_status(workspace.view(NoOne()))
            await workspace.index.until_ready()
        await workspaces.settle()
        # One a change would be seven; whether the last index has its write-ahead log open is chance.
        descriptors = list(Path("/proc/self/fd").iterdir())
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("aid-")]
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        seen.append((len(descriptors), len(threads), len(children)))
    (descriptors_at_first, *at_first), (descriptors_at_last, *at_last) = seen[0], seen[-1]
    assert at_first == at_last
    assert descriptors_at_last - descriptors_at_first < 4


async def test_a_hosts_workspace_closes_when_its_settings_changed(scene: Scene) -> None:
    scene.replies({"match": "", "reply": "no edits"})
    for number in range(1, 5):
        change_settings(scene.root, 1000 * number)
        await scene.ask()
        await scene.host.settle()
        assert len([each for each in threading.enumerate() if each.name.startswith("aid-index-read")]) == 1


async def test_indexes_of_workspaces_that_are_gone_are_dropped_at_start(scene: Scene) -> None:
    scene.replies({"match": "", "reply": "no edits"})
    await scene.ask()
    await scene.restart()
    folder = scene.home / "cache" / "aid" / "index"
    kept = {path.name for path in folder.iterdir()}
    assert any(name.endswith(".sqlite") for name in kept)
    gone = scene.home / "gone"
    gone.mkdir()
    await scene.ask(workspace=str(gone))
    await scene.restart()
    assert {path.name for path in folder.iterdir()} > kept
    gone.rmdir()
    (folder / "unknown-0123.sqlite").write_bytes(b"")
    await scene.host.warm()
    assert {path.name for path in folder.iterdir()} == kept


async def test_dropping_indexes_needs_no_folder(tmp_path: Path) -> None:
    assert drop_stale(tmp_path / "none") == []
