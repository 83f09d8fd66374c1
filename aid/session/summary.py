"""What a proposal is called and how large it is, for people. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import dropwhile
from types import MappingProxyType

import msgspec

from aid import edits
from aid.protocol import ChangedFile, FileState, ProposedFile, ProposedHunk
from ces.change import FileChange

MAX_SUMMARY = 200
_EDIT_BEGINS = re.compile(r"^(<{5,}|`{3,}|--- |\*\*\* |diff --git |@@ )")
_NONE: Mapping[str, Collection[int]] = MappingProxyType({})
_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
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


def proposed_files(
    changes: Sequence[FileChange],
    accepted: Mapping[str, Collection[int]] = _NONE,
    rejected: Mapping[str, Collection[int]] = _NONE,
) -> tuple[ProposedFile, ...]:
    """One entry a file, with its hunks: by its path those in it already, and those turned down."""
    return tuple(
        _proposed_file(change, accepted.get(change.path, ()), rejected.get(change.path, ())) for change in changes
    )


def _proposed_file(change: FileChange, accepted: Collection[int], rejected: Collection[int]) -> ProposedFile:
    file = _changed_file(change)
    hunks = tuple(_hunk(index, hunk.text) for index, hunk in enumerate(edits.hunks(change)))
    return ProposedFile(
        path=file.path,
        status=file.status,
        old_path=file.old_path,
        added=file.added,
        removed=file.removed,
        state=_state(max(1, len(hunks)), len(accepted), len(rejected)),
        hunks=tuple(
            msgspec.structs.replace(hunk, accepted=hunk.index in accepted, rejected=hunk.index in rejected)
            for hunk in hunks
        ),
    )


def _state(hunks: int, accepted: int, rejected: int) -> FileState:
    if accepted + rejected < hunks:
        return "partly" if accepted else "open"
    return "accepted" if accepted else "rejected"


def _hunk(index: int, shown: str) -> ProposedHunk:
    header, _, text = shown.partition("\n")
    found = _HEADER.match(header)
    assert found is not None
    old_first, old_lines, new_first, new_lines = (1 if each is None else int(each) for each in found.groups())
    return ProposedHunk(
        index=index,
        header=header,
        old_first=old_first + (not old_lines),  # a diff names the line before an empty range
        old_lines=old_lines,
        new_first=new_first + (not new_lines),
        new_lines=new_lines,
        text=text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
    )


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
