"""A task: a green project, what breaks it, what a person would ask, and what mends it. Data, and how it is stored.

A task set is a file of JSON objects, one a line.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ces.errors import CesError
from ces.request import CheckRequest
from ces.verdict import Diagnostic, Stage

_ID_LENGTH = 16


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task. Diffs are unified, git-style, with paths relative to the workspace.

    `workspace` is an absolute directory (a run may name another that has the same content), `rev` a revision of it
    (None: the directory as it is), which is green. `onto` laid over that is the broken state; `gold` over the broken
    state is green again. `files` are those that were broken. `diagnostics` are what the build said of the broken state,
    `prompts` ways to say what `prompt` says. `hidden` are whole test files (path -> text) laid over last, which the
    broken state is without. `kind` is the breakage's ("mutate:rec-missing") or "history". `seed` is None where no
    chance was involved; `toolchain` is the digest that the judge gave, None where it gave none. `id` is a digest of
    what makes the task (`identified`).
    """

    id: str = ""
    project: str
    workspace: str
    rev: str | None = None
    kind: str
    onto: str
    gold: str
    prompt: str = ""
    prompts: tuple[str, ...] = ()
    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    upto: Stage = "test"
    hidden: dict[str, str] = {}
    seed: int | None = None
    toolchain: str | None = None

    def request(self, diff: str, *, workspace: str | None = None) -> CheckRequest:
        """What asks whether `diff` mends the broken state, judged as a model's work is."""
        return CheckRequest(
            diff=diff,
            workspace=workspace or self.workspace,
            rev=self.rev,
            onto=self.onto,
            upto=self.upto,
            policy="reward",
            reference=self.gold,
            hidden=self.hidden,
        )


class BadLine(msgspec.Struct, frozen=True):
    """A line of a task file that is no task. `number` counts from one."""

    number: int
    reason: str


def identified(task: Task) -> Task:
    """The task with its id: the same for the same breakage of the same project, wherever that lies."""
    parts = [task.project, task.rev, task.kind, task.onto, task.gold, task.upto, sorted(task.hidden.items())]
    return msgspec.structs.replace(task, id=hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:_ID_LENGTH])


def read(path: Path) -> tuple[list[Task], list[BadLine]]:
    """The tasks of a file, and what of it could not be used. Raises CesError when the file can't be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CesError(f"{path} can't be read: {error.strerror}") from error
    tasks: list[Task] = []
    bad: list[BadLine] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        read_line = _task(line)
        if isinstance(read_line, Task) and read_line.id in seen:
            read_line = f"the task of line {seen[read_line.id]} again"
        if isinstance(read_line, str):
            bad.append(BadLine(number, read_line))
        else:
            seen[read_line.id] = number
            tasks.append(read_line)
    return tasks, bad


def write(path: Path, tasks: Iterable[Task]) -> None:
    """Write a task file as a whole: the old one stays until the new one is complete. Raises CesError."""
    try:
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.writelines(msgspec.json.encode(task) + b"\n" for task in tasks)
                file.flush()
                os.fchmod(fd, 0o644)
                os.fsync(fd)
            os.replace(temporary, path)  # noqa: PTH105 (the name is a string)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CesError(f"{path} can't be written: {error.strerror}") from error


def _task(line: bytes) -> Task | str:
    """The task of a line, or why it is none."""
    try:
        task = msgspec.json.decode(line, type=Task)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"not a task: {error}"
    if identified(task).id != task.id:
        return f"task {task.id or 'without an id'} was changed after it was verified: build it again"
    return task
