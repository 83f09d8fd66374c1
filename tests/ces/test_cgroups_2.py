"""Control groups of version 2, by a kernel that has them: a Linux of its own that runs as a program (user-mode-linux).

It sees this machine's files read-only, has memory of its own, and is gone when its first process ends.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ces import in_another_linux

KERNEL = "linux.uml"
FIRST = """#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /tmp
mkdir -p /dev/shm && mount -t tmpfs tmpfs /dev/shm && mount -t hostfs none /mnt -o '{outside}'
mount -t cgroup2 none /sys/fs/cgroup && echo booted >/mnt/booted
export HOME=/tmp PATH='{path}' PYTHONPATH='{root}'
'{python}' '{program}' >/mnt/said 2>&1
halt -f
"""
MACHINE = ("mem=1G", "rootfstype=hostfs", "rootflags=/", "ro", "con=null", "con0=fd:0,fd:1", "quiet")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `in_another_linux` found there."""
    kernel = shutil.which(KERNEL)
    if kernel is None:
        pytest.skip(f"{KERNEL} is missing: apt-get install user-mode-linux")
    outside = tmp_path_factory.mktemp("outside")
    first = outside / "first"
    root = Path(__file__).parents[2]
    program = {"python": sys.executable, "program": in_another_linux.__file__}
    first.write_text(FIRST.format(outside=outside, path=os.environ["PATH"], root=root, **program))
    first.chmod(0o755)
    argv = [kernel, *MACHINE, f"init={first}"]
    booted = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=240, cwd=outside
    )
    if not (outside / "booted").exists():
        pytest.skip(f"{KERNEL} doesn't run here: {booted.stdout[-300:]}")
    said = (outside / "said").read_text()
    try:
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        pytest.fail(said + booted.stdout[-2000:])
    return found


def test_where_groups_get_no_controllers_none_is_pretended(told: dict[str, Any]) -> None:
    assert told["root"] == {"memory": "a look at /proc, rlimit", "processes": "a look at /proc"}


def test_where_groups_get_them_they_are_found(told: dict[str, Any]) -> None:
    assert told["given"] == {"memory": "cgroup v2", "processes": "cgroup v2"}
    assert told["isolated"]


def test_the_kernel_ends_what_takes_too_much(told: dict[str, Any]) -> None:
    limits = {name: ran["limit"] for name, ran in told["ran"].items()}
    assert limits == {"memory": "memory", "processes": "processes", "cpu": "cpu", "a daemon": None}
    assert 0 < told["ran"]["processes"]["forks"] < in_another_linux.PROCESSES


def test_nothing_that_was_started_is_left(told: dict[str, Any]) -> None:
    assert told["ran"]["a daemon"]["exit"] == 3
    assert (told["running"], told["groups"]) == ([], [])
