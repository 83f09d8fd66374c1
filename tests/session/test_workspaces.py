"""Which workspaces are open: none longer than somebody needs it."""

import threading
from collections import Counter
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


async def test_an_idle_one_closes_and_its_chats_are_kept(workspaces: Workspaces, root: Path, now: Now) -> None:
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
    async with workspaces.use(root) as again:
        assert again.chats is used.chats


async def test_changing_settings_again_and_again_leaks_nothing(scene: Scene) -> None:
    scene.replies({"match": "", "reply": "no edits"})
    seen = []
    for number in range(1, 9):
        change_settings(scene.root, 1000 * number)
        await scene.ask()
        await scene.host.settle()
        names = Counter(thread.name.rstrip("_0123456789") for thread in threading.enumerate())
        own = {name: count for name, count in names.items() if name.startswith("aid-index")}
        seen.append((len(list(Path("/proc/self/fd").iterdir())), own))
    assert seen[-1][1] == seen[0][1]
    assert seen[-1][0] <= max(fds for fds, _ in seen[:4])


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
