"""Control groups: where they are, and what the files of both versions are written with and say."""

import os
import subprocess
from pathlib import Path

import psutil
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


def test_a_group_of_version_2_counts_and_lists_what_the_kernel_put_in_it() -> None:
    """Processor time is counted there without a controller: this is the kernel's own interface, not plain files."""
    parent = own_directories(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()).get("")
    if parent is None or not os.access(parent, os.W_OK):
        pytest.skip("control groups of version 2 can't be made here")
    group = Hierarchy(version=2, parents={"cpuacct": parent}).open(LIMITS)
    [entrance] = group.entrances
    work = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; (setsid sleep 1000 >&- &); echo ready; read x"
    try:
        assert (group.processes(), group.counted().cpu_s) == (set(), 0.0)
        argv = ["sh", "-c", f"echo 0 >{entrance}; {work}"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as inside:
            assert inside.stdout is not None and inside.stdout.readline() == "ready\n"
            found = {psutil.Process(pid) for pid in group.processes()}  # the one that left its session, too
            assert len(found) == 2 and inside.pid in group.processes()
            assert (group.counted().cpu_s or 0.0) > 0.0
            for each in found:
                each.kill()
        assert not psutil.wait_procs(found, timeout=60)[1]
    finally:
        group.close()
    assert not entrance.exists()


@pytest.mark.parametrize("controller", ["memory", "pids"])
def test_where_version_2_lacks_a_controller_no_group_is_pretended(controller: cgroups.Controller) -> None:
    found = own_directories(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()).get("")
    if found is None or controller in (found / "cgroup.controllers").read_text().split():
        pytest.skip(f"version 2 has the {controller} controller here, or isn't there")
    with pytest.raises(OSError, match=r"Permission denied|No such file"):
        Hierarchy(version=2, parents={controller: found}).open(LIMITS)
    assert not list(found.glob(f"ces-{os.getpid()}-*"))


def _groups(hierarchy: Hierarchy) -> set[Path]:
    return {found for parent in hierarchy.parents.values() for found in parent.glob(f"ces-{os.getpid()}-*")}
