"""How much one command of a build may use, and the words for what was too much. Data only.

Whoever goes past a limit is killed as a tree and `ces.process.Finished.limit` says which one it was: that is the
candidate's own fault, as a wrong type is. The machine's own want of memory or disk is not, and is told apart.
"""

import os
from pathlib import Path
from typing import Literal

import msgspec

LimitName = Literal["wall", "cpu", "memory", "output", "processes", "disk"]

MIN_MEMORY_BYTES = 512 << 20  # less than that no compiler is happy with
_NO_LIMIT = 1 << 60  # control groups, version 1, write a number near 2^63 for "none"


def machine_memory_bytes() -> int:
    """What this machine has, or the container it seems to be: the least of physical memory and cgroup v2's limit."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    stated = [physical]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of a container's own root group
        try:
            said = Path("/sys/fs/cgroup", name).read_text("ascii").strip()
        except OSError:
            continue
        if said.isdigit() and int(said) < _NO_LIMIT:
            stated.append(int(said))
    return min(stated)


def _half_of_memory() -> int:
    return max(MIN_MEMORY_BYTES, machine_memory_bytes() // 2)


def _ample_processes() -> int:
    return 1024 + 128 * (os.cpu_count() or 1)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a command and all that it starts may use together; `file_bytes` is the size of any one file.

    `processes` counts threads too, as the kernel does. `cpu_s` None: as much as its wall time gives. `disk_bytes` is
    what it writes to its view and its /tmp. `output_bytes` is what it prints.
    """

    memory_bytes: int = msgspec.field(default_factory=_half_of_memory)
    processes: int = msgspec.field(default_factory=_ample_processes)
    cpu_s: float | None = None
    file_bytes: int = 4 << 30
    output_bytes: int = 64 << 20
    disk_bytes: int = 16 << 30


def share(workers: int) -> Limits:
    """Limits with which `workers` commands can run side by side without pushing the machine out of memory."""
    return Limits(memory_bytes=max(MIN_MEMORY_BYTES, machine_memory_bytes() * 3 // 4 // workers))


def explain(limit: LimitName, limits: Limits) -> str:
    """What was too much, as the end of a sentence: "it used more than 4096 MB of memory"."""
    cpu_s = 0.0 if limits.cpu_s is None else limits.cpu_s
    return {
        "wall": "it had not ended in the time given",
        "cpu": f"it used more than {cpu_s:g} s of CPU time",
        "memory": f"it used more than {limits.memory_bytes >> 20} MB of memory",
        "output": f"it printed more than {limits.output_bytes >> 20} MB",
        "processes": f"it ran more than {limits.processes} processes and threads",
        "disk": f"it wrote more than {limits.disk_bytes >> 20} MB, or a file of more than {limits.file_bytes >> 20} MB",
    }[limit]
