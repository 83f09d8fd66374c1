"""A task's broken state: what stands in the files that were broken, for those who show them to a model."""

from collections.abc import Iterable
from pathlib import Path

from ces import diff, vcs
from ces.adapters.row import Row
from ces.diff import FileDiff, Malformed, Misfit
from ces.errors import BadChange, CesError
from ces.waiting import in_thread
from ces.workspace import check_path


async def files(task: Row) -> dict[str, str]:
    """The files that the task's `onto` touches and those it names, as they are in the broken state (path -> text).

    A file that isn't there then is left out. Raises CesError where the workspace or revision can't be read or `onto`
    doesn't fit it.
    """
    after = await state(task, task.files)
    return {path: content.decode(errors="replace") for path, content in sorted(after.items()) if content is not None}


async def state(task: Row, paths: Iterable[str]) -> dict[str, bytes | None]:
    """What stands in the broken state at `paths` and where `onto` touches it; None: nothing. Raises as `files`."""
    onto = parsed(task)
    touched = {path for file in onto for path in (file.old, file.new) if path is not None}
    before = await _read(task, sorted({*paths, *touched}))
    changes = diff.apply(onto, before.get)
    if isinstance(changes, Misfit):
        raise CesError(f"task {task.id}: `onto` doesn't fit {task.workspace}: {changes.path} {changes.reason}")
    after = dict(before)
    for change in changes:
        if change.old_path is not None:
            after[change.old_path] = None
        after[change.path] = change.after
    return after


def parsed(task: Row) -> tuple[FileDiff, ...]:
    """The task's `onto`. Raises CesError where it is no diff."""
    found = diff.parse(task.onto)
    if isinstance(found, Malformed):
        raise CesError(f"task {task.id}: `onto` is {found.reason}")
    return found


async def _read(task: Row, paths: list[str]) -> dict[str, bytes | None]:
    root = Path(task.workspace)
    if task.rev is None:
        return await in_thread(lambda: {path: _content(root, path) for path in paths})
    repository = await vcs.find(root)
    if repository is None:
        raise CesError(f"task {task.id}: {root} is under no version control, so it has no revision {task.rev}")
    try:
        return {path: await repository.read(task.rev, path) for path in paths}
    finally:
        await repository.close()


def _content(root: Path, path: str) -> bytes | None:
    try:
        check_path(root, path)  # it may be a model's
        return (root / path).read_bytes()
    except (BadChange, OSError):
        return None
