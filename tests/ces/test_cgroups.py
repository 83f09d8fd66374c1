"""Control groups: where they are, and what the files of both versions are written with and say."""

import os
from pathlib import Path

import pytest

from ces import cgroups, process
from ces.cgroups import Hierarchy, own_directories
from ces.limits import Limits

LIMITS = Limits(memory_bytes=1 << 30, processes=100)


def test_finds_the_groups_of_version_1_and_2_side_by_side() -> None:
    mounts = (
        "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "36 31 0:33 /docker/a /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory\n"
        "40 31 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "41 31 0:41 / /tmp rw - tmpfs tmpfs rw\n"
    )
    found = own_directories("4:memory:/docker/a/b\n1:cpu,cpuacct:/x\n0::/user/me\n", mounts)
    assert found == {
        "cpu": Path("/sys/fs/cgroup/cpu,cpuacct/x"),
        "cpuacct": Path("/sys/fs/cgroup/cpu,cpuacct/x"),
        "memory": Path("/sys/fs/cgroup/my memory/b"),
        "": Path("/sys/fs/cgroup/unified/user/me"),
    }


def test_version_2_bounds_memory_swap_and_processes_in_one_directory(tmp_path: Path) -> None:
    """Plain files in place of the kernel's: this shows which are written and how what they say is read."""
    group = cgroups.Group(dict.fromkeys(("memory", "pids", "cpuacct"), tmp_path), version=2)
    for name in ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max"):
        (tmp_path / name).touch()
    group.limit(LIMITS)
    assert {item.name: item.read_text() for item in tmp_path.iterdir()} == {
        "memory.max": str(1 << 30),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "100",
    }
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    (tmp_path / "pids.events").write_text("max 7\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    counted = group.counted()
    assert (counted.oom_kills, counted.refused_forks, counted.cpu_s) == (2, 7, 2.5)


async def test_no_group_is_left_behind(tmp_path: Path) -> None:
    hierarchy = cgroups.find()
    if hierarchy is None:
        pytest.skip("control groups can't be made here")
    before = _groups(hierarchy)
    await process.run(["sh", "-c", "(setsid sleep 1000 &); exit 3"], tmp_path, process.build_environment(), 30)
    hierarchy.open(LIMITS).close()  # removes what could not be at once
    assert _groups(hierarchy) - before == set()


def test_the_kernel_keeps_the_limits_of_a_group(tmp_path: Path) -> None:
    hierarchy = cgroups.find()
    if hierarchy is None or hierarchy.version != 1 or "pids" not in hierarchy.parents:
        pytest.skip("control groups of version 1 can't be made here")
    group = hierarchy.open(LIMITS)
    try:
        said = {entrance.parent.parent: entrance.parent for entrance in group.entrances}
        assert (said[hierarchy.parents["pids"]] / "pids.max").read_text() == "100\n"
    finally:
        group.close()


def _groups(hierarchy: Hierarchy) -> set[Path]:
    return {found for parent in hierarchy.parents.values() for found in parent.glob(f"ces-{os.getpid()}-*")}
