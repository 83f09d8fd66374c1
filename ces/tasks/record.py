"""The file a task set grows in, one line a task as soon as it is verified, and beside it what was turned down.

Whatever ends the builder leaves whole lines: a line torn by a crash is cut off when the file is opened again.
"""

import os
from collections import Counter
from pathlib import Path

import msgspec

from ces.errors import CesError
from ces.tasks.task import Task, read


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that is no task, and why: not verified again when the builder goes on."""

    id: str
    kind: str
    files: tuple[str, ...]
    status: str
    reason: str


class Record:
    """`path` has the tasks; `path`.refused what was turned down. One builder at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused_path = path.with_name(path.name + ".refused")
        if not path.parent.is_dir():
            raise CesError(f"{path.parent} is no directory: make it, or write to another file")
        for file in (path, self.refused_path):
            _cut_torn_line(file)
        self.tasks, bad = read(path) if path.exists() else ([], [])
        if bad:
            raise CesError(f"{path} line {bad[0].number}: {bad[0].reason}: mend it or write to another file")
        self._counts = Counter(_origin(task) for task in self.tasks)
        self._known = {task.id for task in self.tasks} | {refusal.id for refusal in _refusals(self.refused_path)}

    def knows(self, task: Task) -> bool:
        """Whether it was verified before, however that ended."""
        return task.id in self._known

    def count(self, like: Task) -> int:
        """How many tasks there are of the same project and origin (breakages, history)."""
        return self._counts[_origin(like)]

    def add(self, task: Task) -> None:
        _append(self.path, msgspec.json.encode(task))
        self._known.add(task.id)
        self._counts[_origin(task)] += 1
        self.tasks.append(task)

    def refuse(self, refusal: Refusal) -> None:
        _append(self.refused_path, msgspec.json.encode(refusal))
        self._known.add(refusal.id)


def _origin(task: Task) -> tuple[str, str]:
    return task.project, task.kind.partition(":")[0]


def _refusals(path: Path) -> list[Refusal]:
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found.append(msgspec.json.decode(line, type=Refusal))
        except msgspec.DecodeError as error:
            raise CesError(f"{path} line {number}: {error}: mend or remove it") from error
    return found


def _append(path: Path, line: bytes) -> None:
    """One write, then down to the disk."""
    try:
        with path.open("ab", buffering=0) as file:
            file.write(line + b"\n")
            os.fsync(file.fileno())
    except OSError as error:
        raise CesError(f"{path} can't be written: {error.strerror}") from error


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    try:
        with path.open("r+b") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
    except OSError as error:
        raise CesError(f"{path} can't be written: {error.strerror}") from error
