"""Tasks out of a project's own history: the parent's source under the tests of a small commit.

The base is the commit, which has to be green; what breaks it is the commit's source part taken back. Documentation,
change logs and tests stay as the commit left them. Whether that is red, the build decides.
"""

import difflib
import re
from collections.abc import AsyncGenerator, Sequence

import msgspec

from ces.change import FileChange
from ces.errors import BadChange
from ces.tasks.candidate import Origin, candidate, reversed_change
from ces.tasks.paths import is_source, is_test
from ces.tasks.task import Task
from ces.vcs import Commit, Vcs

MAX_FILES = 5
MAX_LINES = 100
SCANNED = 2000  # commits looked at
_TELLING = re.compile(r"\w+\W+\w+\W+\w+")  # a subject of fewer words asks for nothing


async def commits(
    vcs: Vcs, origin: Origin, since: str | None = None, *, hide_tests: bool = False
) -> AsyncGenerator[Task, None]:
    """Candidates of the small commits after `since`, newest first; those that touch tests come before the others.

    Without new tests the parent was green as well, save where a commit mended the build. `hide_tests`: the broken state
    has the parent's tests, the commit's are hidden ones, and its subject says what is asked for; commits that have no
    tests, or whose subject doesn't, are left out. Raises InfraError when version control fails.
    """
    quiet = []
    for commit in await vcs.history(since, SCANNED):
        if len(commit.paths) > MAX_FILES or not any(is_source(path) for path in commit.paths):
            continue
        if any(is_test(path) for path in commit.paths):
            task = await _task(vcs, origin, commit, hide_tests)
            if task is not None:
                yield task
        elif not hide_tests:
            quiet.append(commit)
    for commit in quiet:
        task = await _task(vcs, origin, commit, False)
        if task is not None:
            yield task


async def _task(vcs: Vcs, origin: Origin, commit: Commit, hide_tests: bool) -> Task | None:
    """The candidate that a commit makes; None where it is too large, no text, or changes no source."""
    changes = []
    for path in commit.paths:
        before, after = await vcs.read(commit.parent, path), await vcs.read(commit.id, path)
        if before is None and after is None:
            return None  # a link or a submodule
        if before != after:
            changes.append(FileChange(path=path, before=before, after=after))
    source = [change for change in changes if is_source(change.path)]
    telling = _TELLING.search(commit.subject) is not None
    if not source or changed_lines(changes) > MAX_LINES or (hide_tests and not telling):
        return None
    hidden = [change for change in changes if is_test(change.path)] if hide_tests else []
    at = msgspec.structs.replace(origin, rev=commit.id)
    try:
        task = candidate(at, "history", [reversed_change(change) for change in source], hidden=hidden)
    except (BadChange, UnicodeDecodeError):  # binary
        return None
    return msgspec.structs.replace(task, prompt=commit.subject, prompts=(commit.subject,)) if telling else task


def changed_lines(changes: Sequence[FileChange]) -> int:
    """Lines that go or come, of all the files."""
    count = 0
    for change in changes:
        old, new = (change.before or b"").split(b"\n"), (change.after or b"").split(b"\n")
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        for what, old_from, old_to, new_from, new_to in matcher.get_opcodes():
            if what != "equal":
                count += (old_to - old_from) + (new_to - new_from)
    return count
