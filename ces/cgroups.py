"""Linux control groups: a limit that the kernel itself keeps for a whole tree of processes.

`find` says which controllers this process may make groups under, version 1 or 2; `Hierarchy.open` makes a group below
this process's own, so that limits set from above go on holding. A command joins it by writing to `Group.entrances`
before it becomes anything else, and can't leave: in a sandbox these files can't be written. Without control groups
`ces.metering` looks at the tree from outside instead.

Linux, Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

import contextlib
import functools
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Literal

import msgspec

from ces.limits import Limits
from ces.namespaces import write

Controller = Literal["memory", "pids", "cpuacct"]
OFF_VARIABLE = "CES_NO_CGROUPS"
_PREFIX = "ces-"
_JOIN_TIMEOUT_S = 10


_closing: set[Path] = set()


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a group's own kernel counters say; None where the controller is missing."""

    oom_kills: int | None = None
    refused_forks: int | None = None
    cpu_s: float | None = None


class Group:
    """One command's control groups: one directory a controller (version 1), or one for all (version 2)."""

    def __init__(self, directories: dict[Controller, Path], version: int) -> None:
        self._directories = directories
        self._version = version

    @property
    def controllers(self) -> frozenset[Controller]:
        return frozenset(self._directories)

    @property
    def entrances(self) -> tuple[Path, ...]:
        """Files that a process writes "0" to in order to come in."""
        return tuple(directory / "cgroup.procs" for directory in dict.fromkeys(self._directories.values()))

    def limit(self, limits: Limits) -> None:
        for controller, directory in self._directories.items():
            for name, value, needed in _settings(controller, self._version, limits):
                with contextlib.nullcontext() if needed else contextlib.suppress(OSError):
                    write(f"{directory}/{name}", value)

    def counted(self) -> Counted:
        found = self._directories
        memory, pids, cpu = found.get("memory"), found.get("pids"), found.get("cpuacct")
        kills = "memory.oom_control" if self._version == 1 else "memory.events"
        return Counted(
            oom_kills=None if memory is None else _field(memory / kills, "oom_kill"),
            refused_forks=None if pids is None else _field(pids / "pids.events", "max"),
            cpu_s=None if cpu is None else self._cpu_s(cpu),
        )

    def processes(self) -> set[int]:
        """The processes that are in the group now: also those that left session, parent and environment behind."""
        found: set[int] = set()
        for entrance in self.entrances:
            with contextlib.suppress(OSError):
                found.update(int(line) for line in entrance.read_text("ascii").split())
        return found

    def forbid_forks(self) -> None:
        """Before everything in it is killed, so that once is enough."""
        pids = self._directories.get("pids")
        if pids is not None:
            with contextlib.suppress(OSError):
                (pids / "pids.max").write_text("0", "ascii")

    def close(self) -> None:
        """Remove the groups. One whose last process is not quite gone is removed when the next is made."""
        _closing.update(self._directories.values())
        _remove_closing()

    def _cpu_s(self, directory: Path) -> float:
        if self._version == 1:
            return _number(directory / "cpuacct.usage") / 1e9
        return _field(directory / "cpu.stat", "usage_usec") / 1e6


class Hierarchy(msgspec.Struct, frozen=True, kw_only=True):
    """Where groups can be made: a directory for each controller that can be used."""

    version: int
    parents: dict[Controller, Path]

    def __str__(self) -> str:
        return f"cgroup v{self.version}"

    def open(self, limits: Limits) -> Group:
        """Raises OSError when the group can't be made."""
        _remove_closing()
        name = f"{_PREFIX}{os.getpid()}-{uuid.uuid4().hex}"
        group = Group({controller: parent / name for controller, parent in self.parents.items()}, self.version)
        try:
            for entrance in group.entrances:
                entrance.parent.mkdir()
            group.limit(limits)
        except OSError:
            group.close()
            raise
        return group

    def sweep(self) -> None:
        """Remove the groups of processes that ended without doing so."""
        for parent in set(self.parents.values()):
            for left in parent.glob(f"{_PREFIX}*-*"):
                pid = left.name[len(_PREFIX) :].partition("-")[0]
                if pid.isdigit() and not Path("/proc", pid).exists():
                    with contextlib.suppress(OSError):
                        left.rmdir()


def find() -> Hierarchy | None:
    """The control groups this process can use; None where the variable CES_NO_CGROUPS says to leave them alone."""
    return None if os.environ.get(OFF_VARIABLE) == "1" else _found()


@functools.cache
def _found() -> Hierarchy | None:
    """Found out by making one and joining it, once."""
    own = own_directories(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    usable: dict[Controller, Path] = {}
    names: tuple[Controller, ...] = ("memory", "pids", "cpuacct")
    for name in names:
        if name in own and _works(Hierarchy(version=1, parents={name: own[name]})):
            usable[name] = own[name]
    version = 1
    if "memory" not in usable and "" in own:
        # A group with processes of its own gives its controllers to no child: beside us is the next best place.
        for parent in (own[""], own[""].parent):
            if _works(Hierarchy(version=2, parents=dict.fromkeys(names, parent))):
                usable, version = dict.fromkeys(names, parent), 2
                break
    if not usable:
        return None
    found = Hierarchy(version=version, parents=usable)
    found.sweep()
    return found


def _remove_closing() -> None:
    for directory in list(_closing):
        try:
            directory.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            continue
        _closing.discard(directory)


def _works(hierarchy: Hierarchy) -> bool:
    try:
        group = hierarchy.open(Limits())
    except OSError:
        return False
    joining = ["/bin/sh", "-c", 'for each; do echo 0 >"$each" || exit 1; done', "sh", *map(str, group.entrances)]
    try:
        joined = subprocess.run(joining, check=False, capture_output=True, timeout=_JOIN_TIMEOUT_S)
        return joined.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        group.close()


def own_directories(cgroup: str, mountinfo: str) -> dict[str, Path]:
    """Controller (version 2: "") -> the directory of this process's group."""
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        mount, _, file_system = line.partition(" - ")
        kind, _, options = file_system.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        root, where = (_unescaped(word) for word in mount.split(" ")[3:5])
        for controller in options.split(",") if kind == "cgroup" else [""]:
            if controller in paths and Path(paths[controller]).is_relative_to(root):
                found.setdefault(controller, Path(where) / Path(paths[controller]).relative_to(root))
    return found


def _settings(controller: Controller, version: int, limits: Limits) -> list[tuple[str, str, bool]]:
    """(file, value, whether it must be there): kernels without swap accounting lack the swap's."""
    memory, processes = str(limits.memory_bytes), str(limits.processes)
    if controller == "pids":
        return [("pids.max", processes, True)]
    if controller == "cpuacct":
        return []
    if version == 1:
        return [("memory.limit_in_bytes", memory, True), ("memory.memsw.limit_in_bytes", memory, False)]
    return [("memory.max", memory, True), ("memory.swap.max", "0", False), ("memory.oom.group", "1", False)]


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), word)


def _number(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0


def _field(path: Path, name: str) -> int:
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
