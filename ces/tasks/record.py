"""The file a task set grows in, one line a task as soon as it is verified, and beside it what was turned down.

A line torn by a crash is cut off when the file is opened again; a file that isn't of tasks is left as it is.
"""

from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from ces.errors import CesError
from ces.growing import Growing
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
        with ExitStack() as opened:
            self._tasks_file = opened.enter_context(closing(_opened(path, Task)))
            self.tasks, bad = read(path)
            if self._tasks_file.torn:
                bad = bad[:-1]
            if bad:
                raise CesError(f"{path} line {bad[0].number}: {bad[0].reason}: mend it or write to another file")
            self._refused_file = opened.enter_context(closing(_opened(self.refused_path, Refusal)))
            refused = _refusals(self.refused_path, torn=self._refused_file.torn)
            self._tasks_file.mend()
            self._refused_file.mend()
            self._opened = opened.pop_all()
        self._counts = Counter(_origin(task) for task in self.tasks)
        self._known = {task.id for task in self.tasks} | {refusal.id for refusal in refused}

    def knows(self, task: Task) -> bool:
        """Whether it was verified before, however that ended."""
        return task.id in self._known

    def count(self, like: Task) -> int:
        """How many tasks there are of the same project and origin (breakages, history)."""
        return self._counts[_origin(like)]

    def add(self, task: Task) -> None:
        _append(self._tasks_file, task, self.path)
        self._known.add(task.id)
        self._counts[_origin(task)] += 1
        self.tasks.append(task)

    def refuse(self, refusal: Refusal) -> None:
        _append(self._refused_file, refusal, self.refused_path)
        self._known.add(refusal.id)

    def close(self) -> None:
        for path in (self.path, self.refused_path):
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
        self._opened.close()


def _origin(task: Task) -> tuple[str, str]:
    return task.project, task.kind.partition(":")[0]


def _opened(path: Path, kind: type[msgspec.Struct]) -> Growing:
    try:
        return Growing(path, kind)
    except BlockingIOError as error:
        raise CesError(f"another builder is at work on {path}: wait for it, or write to another file") from error
    except OSError as error:
        raise CesError(f"{path} can't be written: {error.strerror}") from error


def _refusals(path: Path, *, torn: bool) -> list[Refusal]:
    lines = path.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines[:-1] if torn else lines, 1):
        if not line:
            continue
        try:
            found.append(msgspec.json.decode(line, type=Refusal))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CesError(f"{path} line {number}: {error}: mend or remove it") from error
    return found


def _append(file: Growing, line: msgspec.Struct, path: Path) -> None:
    try:
        file.add(line)
    except OSError as error:
        raise CesError(f"{path} can't be written: {error.strerror}") from error
