"""Views as such: what they keep, what they never touch, and whose turn it is."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from ces import isolation, process, workspace
from ces.builder import Builder, set_up
from ces.builds.adapter import BuildSettings
from ces.change import FileChange
from ces.fingerprint import Fingerprint
from ces.isolation import KINDS, Isolation
from ces.turns import Turns
from ces.verdict import BuildStatus


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "_build").mkdir(parents=True)
    (made / "_build/old").write_text("theirs")
    (made / "run.sh").write_text("echo old\n")
    (made / "run.sh").chmod(0o750)
    return made


@pytest.fixture
async def overlay(root: Path, state_dir: Path) -> Isolation:
    found = await isolation.probe(root, state_dir)
    if found.view != "overlay":
        pytest.skip(f"no overlay here: {'; '.join(found.notes)}")
    return found


async def sh(found: Isolation, views: workspace.Views, script: str, *changes: FileChange) -> str:
    place = views.open(changes) if changes else views.open_base()
    try:
        ended = await isolation.run(found, place, ["sh", "-c", script], process.build_environment(), 30)
    finally:
        views.close(place)
    return ended.output


def synced(views: workspace.Views, root: Path) -> workspace.Views:
    tree = Fingerprint(root, ["_build"])
    tree.look()
    views.sync(tree)
    return views


async def test_a_proposals_file_keeps_its_mode_and_looks_newer_than_what_was_built(
    root: Path, state_dir: Path, overlay: Isolation
) -> None:
    views = synced(workspace.make(root, state_dir, overlay, ["_build"]), root)
    before = (root / "run.sh").stat()
    change = FileChange(path="run.sh", before=b"echo old\n", after=b"echo new\n")
    new = FileChange(path="deep/er/x", before=None, after=b"", mode=0o755)
    said = await sh(overlay, views, "./run.sh; stat -c '%a %Y' run.sh; stat -c %a deep/er/x", change, new)
    ran, mode_and_time, new_mode = said.splitlines()
    assert (ran, mode_and_time.split()[0], new_mode) == ("new", "750", "755")
    assert int(mode_and_time.split()[1]) >= int(before.st_mtime) + 2


async def test_warm_build_output_outlives_a_restart(root: Path, state_dir: Path, overlay: Isolation) -> None:
    views = synced(workspace.make(root, state_dir, overlay, ["_build"], keep=True), root)
    assert await sh(overlay, views, "cat _build/old; echo ours >_build/old; echo x >stray") == "theirs"
    (state_dir / "views" / "abandoned").mkdir()
    again = synced(workspace.make(root, state_dir, overlay, ["_build"], keep=True), root)
    assert await sh(overlay, again, "cat _build/old; ls") == "ours\n_build\nrun.sh\n"
    assert [path.name for path in (state_dir / "views").iterdir()] == ["base"]
    cold = synced(workspace.make(root, state_dir, overlay, ["_build"]), root)
    assert await sh(overlay, cold, "cat _build/old") == "theirs"


async def test_a_build_directory_that_is_a_link_is_left_alone(
    root: Path, tmp_path: Path, state_dir: Path, overlay: Isolation
) -> None:
    (root / "_build").rename(tmp_path / "elsewhere")
    (root / "_build").symlink_to(tmp_path / "elsewhere")
    views = synced(workspace.make(root, state_dir, overlay, ["_build"]), root)
    assert await sh(overlay, views, "ls _build; echo ours >_build/new; ls _build") == "new\n"
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["old"]
    assert os.listxattr(tmp_path / "elsewhere") == []


async def test_read_only_output_is_cleaned_away(root: Path, state_dir: Path, overlay: Isolation) -> None:
    views = synced(workspace.make(root, state_dir, overlay, ["_build"]), root)
    change = FileChange(path="x", before=None, after=b"")
    await sh(overlay, views, "mkdir -p d/e; touch d/e/f; chmod 0 d/e/f; chmod 555 d/e d", change)
    assert [path.name for path in (state_dir / "views").iterdir()] == ["base"]


def test_a_whiteout_is_a_device_that_needs_no_privilege(tmp_path: Path) -> None:
    try:
        workspace.white_out(tmp_path / "gone")
    except OSError as error:
        pytest.skip(f"no whiteouts here: {error}")
    seen = (tmp_path / "gone").lstat()
    assert stat.S_ISCHR(seen.st_mode)
    assert seen.st_rdev == 0


async def test_a_state_directory_inside_the_workspace_is_refused(root: Path) -> None:
    found = await set_up(root, BuildSettings(command=("true",)), root / "state", KINDS)
    assert isinstance(found, BuildStatus)
    assert found.status == "infra_error"
    assert found.reason is not None
    assert "lies inside the workspace" in found.reason


async def test_a_tree_that_changes_while_it_is_built_is_not_judged(root: Path, state_dir: Path) -> None:
    builder = await set_up(root, BuildSettings(command=("true",)), state_dir, KINDS)
    assert isinstance(builder, Builder)
    look, status = await builder.build_tree(asyncio.get_running_loop().time() + 60)
    assert status.status == "green"
    (root / "run.sh").write_text("echo newer\n")
    change = FileChange(path="x", before=None, after=b"")
    built = await builder.build_changed(look.digest, [change], asyncio.get_running_loop().time() + 60)
    assert (built.status, built.reason) == ("unchecked", "the workspace kept changing while it was being built")


async def test_a_waiting_base_build_goes_before_later_proposals() -> None:
    turns = Turns(2)
    order: list[str] = []
    first_in, let_go = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with turns.proposal():
            first_in.set()
            await let_go.wait()
            order.append("first")

    async def base() -> None:
        async with turns.base():
            order.append("base")

    async def later() -> None:
        async with turns.proposal():
            order.append("later")

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        await first_in.wait()
        group.create_task(base())
        await asyncio.sleep(0)
        group.create_task(later())
        await asyncio.sleep(0)
        let_go.set()
    assert order == ["first", "base", "later"]


async def test_a_base_build_that_gives_up_waiting_lets_proposals_in() -> None:
    turns = Turns(2)
    async with turns.proposal():
        waiting = asyncio.create_task(turns.base().__aenter__())
        await asyncio.sleep(0)
        later = asyncio.create_task(turns.proposal().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10):
            await later
