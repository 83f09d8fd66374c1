"""What becomes of files if all that is left of a proposal is accepted: on the text that the person sees. Blocks."""

from collections.abc import Collection, Sequence

from aid import apply, edits
from aid.apply.rebase import Hunk, hunks, lines
from aid.edits.edit import Rejected
from aid.errors import Refusal, UsageError
from aid.protocol import HunkPlace, ProposedText
from aid.session.acceptance import changes_to
from aid.session.client import Client
from aid.session.documents import as_bytes
from aid.session.proposals import Stored
from aid.session.steps import both, left
from aid.session.workspace import Workspace
from ces.change import FileChange


def outlook(stored: Stored, workspace: Workspace, client: Client) -> tuple[ProposedText, ...]:
    """Each file that has something left to decide, moved onto what `client` has open, else onto the disk."""
    open_ = left(stored)
    wanted = both(stored.accepted, open_)
    whole = {change.path: change for change in stored.changes}
    found = []
    for change in changes_to(stored, wanted):
        places = _places(whole[change.path], wanted[change.path])
        open_places = {index: line for index, line in places.items() if index in open_[change.path]}
        found.append(_proposed(change, _now(change, workspace, client), open_places))
    return tuple(found)


def only(files: Sequence[ProposedText], path: str) -> ProposedText:
    """That file of them. Raises UsageError where it isn't there or can't be said."""
    found = next((each for each in files if each.path == path), None)
    if found is None:
        raise UsageError(f"nothing of {path} is left to accept")
    if found.reason is not None:
        raise UsageError(str(Refusal(path, found.reason)))
    return found


def _now(change: FileChange, workspace: Workspace, client: Client) -> bytes | None:
    path = change.old_path or change.path
    disk = workspace.tree.read(path)
    document = client.documents().get(workspace.root / path)
    content = disk.content if disk else None
    return as_bytes(document.text, content) if document else content


def _places(change: FileChange, wanted: Collection[int]) -> dict[int, int]:
    """The zero-based lines at which the hunks `wanted` of a file begin to change it, in the text with just these."""
    places, shift = {}, 0
    for index, hunk in enumerate(edits.hunks(change)):
        if index in wanted:
            places[index] = hunk.start + shift
            shift += (hunk.new_end - hunk.new_start) - (hunk.end - hunk.start)
    return places


def _proposed(change: FileChange, now: bytes | None, places: dict[int, int]) -> ProposedText:
    """`places`: lines of the text that the change is to."""
    found = apply.rebase(change, now)
    if isinstance(found, Rejected):
        return ProposedText(path=change.path, old_path=change.old_path, reason=found.reason)
    try:
        text = (found.after or b"").decode()
    except UnicodeDecodeError:
        return ProposedText(path=change.path, old_path=change.old_path, reason="is no text")
    theirs = hunks(lines(change.after or b""), lines(found.after or b""))
    shown = tuple(HunkPlace(index=index, line=_moved(line, theirs) + 1) for index, line in places.items())
    return ProposedText(path=change.path, old_path=change.old_path, text=text, places=shown)


def _moved(line: int, theirs: Sequence[Hunk]) -> int:
    """Where a line, which stays, is after `theirs`."""
    above = [each for each in theirs if each.last <= line]
    return line + sum((each.new_last - each.new_first) - (each.last - each.first) for each in above)
