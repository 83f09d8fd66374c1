"""A proposal's files as the editor is to show them: whole text before and after, on top of what it shows. Pure."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from aid.acp.schema import Content, Diff, Kind, Location, Text
from aid.protocol import ChangedFile, Proposal
from ces import diff
from ces.change import FileChange, Status

_KINDS: dict[Status, Kind] = {"added": "edit", "modified": "edit", "deleted": "delete", "renamed": "move"}
_VERBS: dict[Status, str] = {"added": "Create", "modified": "Edit", "deleted": "Delete", "renamed": "Move"}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a proposal, as a tool call. `change` None: `content` says why there is none."""

    call_id: str
    file: ChangedFile
    title: str
    kind: Kind
    content: tuple[Diff | Content, ...]
    locations: tuple[Location, ...]
    change: FileChange | None = None


def shown(proposal: Proposal, root: Path, changes: dict[str, FileChange | str]) -> tuple[Shown, ...]:
    """`changes` as `made` gives them, or moved onto what the editor shows since."""
    return tuple(_shown(proposal.id, each, root, changes.get(each.path)) for each in proposal.files)


def made(proposal: Proposal, content: Callable[[str], bytes | None]) -> dict[str, FileChange | str]:
    """What a proposal does to files, by path; a text says why a file's part of it can't be told.

    `content` gives a file as the proposal was made from it.
    """
    files = diff.parse(proposal.diff)
    if isinstance(files, diff.Malformed):
        return {}
    changes: dict[str, FileChange | str] = {}
    for each in files:
        found = diff.apply((each,), content)
        if isinstance(found, diff.Misfit):
            changes[each.new or each.old or ""] = f"{found.path} {found.reason}: it has changed meanwhile"
        else:
            changes |= {change.path: change for change in found}
    return changes


def _shown(proposal_id: str, file: ChangedFile, root: Path, change: FileChange | str | None) -> Shown:
    counts = f" (+{file.added} −{file.removed})" if file.added or file.removed else ""
    from_ = f"{file.old_path} to " if file.old_path else ""
    told = change if isinstance(change, str) else f"{file.path} can't be shown as text"
    as_diff = _diff(change, root) if isinstance(change, FileChange) else None
    return Shown(
        call_id=f"{proposal_id}:{file.path}",
        file=file,
        title=f"{_VERBS[file.status]} {from_}{file.path}{counts}",
        kind=_KINDS[file.status],
        content=(as_diff or Content(content=Text(text=told)),),
        locations=(Location(path=str(root / file.path), line=_first_line(as_diff)),),
        change=change if isinstance(change, FileChange) else None,
    )


def _diff(change: FileChange, root: Path) -> Diff | None:
    try:
        before = None if change.before is None else change.before.decode()
        after = "" if change.after is None else change.after.decode()
    except UnicodeDecodeError:
        return None
    return Diff(path=str(root / change.path), old_text=before, new_text=after)


def _first_line(found: Diff | None) -> int | None:
    """The one-based line of the new text where the change begins."""
    if found is None or found.old_text is None:
        return None
    old, new = found.old_text.split("\n"), found.new_text.split("\n")
    same: Sequence[bool] = [left == right for left, right in zip(old, new, strict=False)]
    return (same.index(False) if False in same else len(same)) + 1
