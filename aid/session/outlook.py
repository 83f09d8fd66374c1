"""What becomes of files if all of a proposal is accepted: on the text that the person has in front of them. Blocks."""

from collections.abc import Sequence

from aid import apply
from aid.edits.edit import Rejected
from aid.errors import Refusal, UsageError
from aid.protocol import AcceptParams, ProposedText
from aid.session.acceptance import changes_to, chosen
from aid.session.client import Client
from aid.session.documents import as_bytes
from aid.session.proposals import Stored
from aid.session.workspace import Workspace
from ces.change import FileChange


def outlook(stored: Stored, workspace: Workspace, client: Client) -> tuple[ProposedText, ...]:
    """Each file that has something left to accept, moved onto what `client` has open, else onto the disk."""
    left = changes_to(stored, chosen(stored, AcceptParams(id=stored.proposal.id)))
    return tuple(_proposed(change, _now(change, workspace, client)) for change in left)


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


def _proposed(change: FileChange, now: bytes | None) -> ProposedText:
    found = apply.rebase(change, now)
    if isinstance(found, Rejected):
        return ProposedText(path=change.path, old_path=change.old_path, reason=found.reason)
    try:
        text = (found.after or b"").decode()
    except UnicodeDecodeError:
        return ProposedText(path=change.path, old_path=change.old_path, reason="is no text")
    return ProposedText(path=change.path, old_path=change.old_path, text=text)
