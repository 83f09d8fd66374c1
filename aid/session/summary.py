"""What a proposal is called and how large it is, for people. Pure."""

import re
from collections.abc import Sequence
from itertools import dropwhile

from aid import edits
from aid.protocol import ChangedFile
from ces.change import FileChange

MAX_SUMMARY = 200
_EDIT_BEGINS = re.compile(r"^(<{5,}|`{3,}|--- |\*\*\* |diff --git |@@ )")
_PATH_LINE = re.compile(r"^\S+\.\w+(:\d+-\d+)?:?$")


def prose(reply: str) -> str:
    """The sentences before a reply's first edit, as one line of at most MAX_SUMMARY characters."""
    said: list[str] = []
    for line in reply.splitlines():
        stripped = line.strip()
        if _EDIT_BEGINS.match(stripped):
            break
        if stripped and not _PATH_LINE.match(stripped):
            said.append(stripped)
    text = " ".join(said)
    return text if len(text) <= MAX_SUMMARY else text[: MAX_SUMMARY - 1].rstrip() + "…"


def changed_files(changes: Sequence[FileChange]) -> tuple[ChangedFile, ...]:
    """One entry a file, with the lines added and removed."""
    return tuple(_changed_file(change) for change in changes)


def _changed_file(change: FileChange) -> ChangedFile:
    lines = edits.unified((change,)).split("\n")
    body = list(
        dropwhile(lambda line: not line.startswith("@@"), lines)
    )  # the file's own headers begin with + and - too
    return ChangedFile(
        path=change.path,
        status=change.status,
        old_path=change.old_path,
        added=sum(line.startswith("+") for line in body),
        removed=sum(line.startswith("-") for line in body),
    )
