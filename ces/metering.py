"""What a command's tree uses, looked at from outside: /proc for memory, processes and CPU, the disk for what it wrote.

Where control groups count, these numbers aren't asked for; disk space they never count. A look costs little but not
nothing, so `Meter.pause_s` grows with what the last one took.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ces.cgroups import Group
from ces.limits import LimitName, Limits

SOONEST_S = 0.1  # between two looks
LATEST_S = 1.0
SHARE = 0.05  # of one core that looking may take
SHORT_OF_MEMORY = 0.03  # the part of the machine's memory that is left when a kill from outside is to be expected
FULL_BYTES = 16 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_SMALLEST_FILE = 4096  # an empty one takes an inode


class Meter:
    """Watches one command. `over` names the limit that its tree has passed, if any."""

    def __init__(self, pid: int, limits: Limits, group: Group | None, writes_to: Sequence[Path]) -> None:
        self._pid = pid
        self._limits = limits
        self._group = group
        self._counts = frozenset() if group is None else group.controllers
        self._disk = _Disk(writes_to, limits.disk_bytes, pid)
        self._oom_kills = machine_oom_kills()
        self._short = False
        self.pause_s = SOONEST_S
        self.cpu_s = 0.0  # as last looked at, where it is

    def over(self) -> LimitName | None:
        started = time.thread_time()
        self._short = self._short or _memory_left() < SHORT_OF_MEMORY
        found = self.counted() or self._looked_at() or ("disk" if self._disk.over() else None)
        self.pause_s = min(max(SOONEST_S, (time.thread_time() - started) / SHARE), LATEST_S)
        return found

    def counted(self) -> LimitName | None:
        """The limit that the kernel has kept: true also after the command's end."""
        if self._group is None:
            return None
        counted = self._group.counted()
        if counted.oom_kills:
            return "memory"
        if counted.refused_forks:
            return "processes"
        limit_s = self._limits.cpu_s
        return "cpu" if limit_s is not None and counted.cpu_s is not None and counted.cpu_s > limit_s else None

    def machine_failed(self) -> str | None:
        """What the machine itself was short of while the command ran, as far as is known: "memory" or "disk space"."""
        own = (None if self._group is None else self._group.counted().oom_kills) or 0
        if self._short or machine_oom_kills() - self._oom_kills > own:
            return "memory"
        return "disk space" if self._disk.full() else None

    def _looked_at(self) -> LimitName | None:
        asked = {"memory", "pids"} | ({"cpuacct"} if self._limits.cpu_s is not None else set())
        if asked <= self._counts:
            return None
        pids = tree_of(self._pid)
        if "pids" not in self._counts and sum(map(_threads, pids)) > self._limits.processes:
            return "processes"
        if "cpuacct" not in self._counts:
            self.cpu_s = max(self.cpu_s, sum(map(_cpu_s, pids)))
            if self._limits.cpu_s is not None and self.cpu_s > self._limits.cpu_s:
                return "cpu"
        if "memory" not in self._counts and sum(map(_resident_bytes, pids)) > self._limits.memory_bytes:
            # Pages that several processes share were counted for each: look again, properly.
            return "memory" if sum(map(_proportional_bytes, pids)) > self._limits.memory_bytes else None
        return None


class _Disk:
    """How much a command has written below some directories.

    Adding up files is dear, so it is done only when the file system has become fuller by half the limit. What changed
    since the start is known by its ctime, which no program can set back.
    """

    def __init__(self, directories: Sequence[Path], limit_bytes: int, pid: int) -> None:
        self._directories = directories
        self._limit_bytes = limit_bytes
        self._pid = pid
        self._since_s = time.time() - 1
        self._free_bytes = self._free()
        self._not_before_s = 0.0

    def over(self) -> bool:
        if not self._directories or self._free_bytes - self._free() < self._limit_bytes / 2:
            return False
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            return False
        written = sum(self._written())
        self._not_before_s = time.monotonic() + (time.monotonic() - now_s) / SHARE
        return written > self._limit_bytes

    def full(self) -> bool:
        return bool(self._directories) and self._free() < FULL_BYTES

    def _free(self) -> int:
        if not self._directories:
            return 0
        with contextlib.suppress(OSError):
            said = os.statvfs(self._directories[0])
            return said.f_bavail * said.f_frsize
        return FULL_BYTES

    def _written(self) -> Iterator[int]:
        for directory in self._directories:
            for inside, _, names in os.walk(directory):
                for name in names:
                    with contextlib.suppress(OSError):
                        seen = Path(inside, name).lstat()
                        if seen.st_ctime >= self._since_s:
                            yield max(seen.st_blocks * 512, _SMALLEST_FILE)
        yield from _deleted_but_open(tree_of(self._pid))


def tree_of(pid: int) -> list[int]:
    """`pid` and its descendants that run now."""
    found, index = [pid], 0
    while index < len(found):
        with contextlib.suppress(OSError):
            for task in Path("/proc", str(found[index]), "task").iterdir():
                found += [int(child) for child in (task / "children").read_text("ascii").split()]
        index += 1
    return found


def machine_oom_kills() -> int:
    """How often the kernel has killed for want of memory since the machine was started."""
    try:
        found = Path("/proc/vmstat").read_bytes().partition(b"\noom_kill ")[2]
    except OSError:
        return 0
    return int(found.partition(b"\n")[0] or 0)


def _memory_left() -> float:
    """The part of the machine's memory that is available."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 1.0
    sizes = {line.partition(":")[0]: int(line.split()[1]) for line in lines[:8]}
    return sizes.get("MemAvailable", 1) / max(sizes.get("MemTotal", 1), 1)


def _stat_fields(pid: int) -> list[str]:
    """proc(5)'s fields of /proc/PID/stat from the third on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _threads(pid: int) -> int:
    fields = _stat_fields(pid)
    return int(fields[17]) if fields else 0


def _cpu_s(pid: int) -> float:
    """Its own and that of the children it has waited for."""
    return sum(int(field) for field in _stat_fields(pid)[11:15]) / _TICK


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except OSError:
        return _resident_bytes(pid)
    return 0


def _deleted_but_open(pids: Sequence[int]) -> Iterator[int]:
    """The sizes on disk of files that have no name left."""
    seen: set[tuple[int, int]] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found = descriptor.stat()
                    if found.st_nlink or not stat.S_ISREG(found.st_mode) or (found.st_dev, found.st_ino) in seen:
                        continue
                    seen.add((found.st_dev, found.st_ino))
                    yield found.st_blocks * 512
