"""From changes of a green project to the task that they make. Pure."""

from collections.abc import Sequence

import msgspec

from ces.change import FileChange
from ces.render_diff import render
from ces.tasks.task import Task, identified


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The green project that tasks are made of, as `Task` names it."""

    project: str
    workspace: str
    rev: str | None = None


def candidate(
    origin: Origin,
    kind: str,
    breaking: Sequence[FileChange],
    *,
    hidden: Sequence[FileChange] = (),
    seed: int | None = None,
) -> Task:
    """The task whose breakage these changes of the green project are.

    `hidden` are the changes that brought its newest tests in: the broken state is without them, and they are laid over
    whatever is judged. Raises BadChange or UnicodeDecodeError for content that isn't UTF-8 text.
    """
    tests = {change.path: change.after.decode("utf-8") for change in hidden if change.after is not None}
    return identified(
        Task(
            project=origin.project,
            workspace=origin.workspace,
            rev=origin.rev,
            kind=kind,
            onto=render([*breaking, *(reversed_change(change) for change in hidden)]),
            gold=render([reversed_change(change) for change in breaking]),
            files=tuple(change.path for change in breaking),
            hidden=tests,
            seed=seed,
        )
    )


def reversed_change(change: FileChange) -> FileChange:
    """What takes a change back. Of a change of mode alone the mode before isn't known."""
    old = change.old_path or change.path
    moved = change.path if old != change.path else None
    return FileChange(path=old, before=change.after, after=change.before, old_path=moved)
