"""Where someone accepts and takes back: a workspace, the editor they sit at, and what everyone else shows of its files.

Says which changes are the editor's to make and which the disk's, and has the editor make its own: once, however many
daemons the request for it comes to.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from aid import apply
from aid.edits.edit import Rejected
from aid.errors import Refusal, StaleError
from aid.protocol import RejectedEdit
from aid.session.begun import Begun
from aid.session.client import Client
from aid.session.clients import Clients
from aid.session.documents import as_bytes
from aid.session.identity import again, name
from aid.session.workspace import Workspace
from ces.change import FileChange
from ces.errors import BadChange


class Desk:
    """`earlier`: what an earlier daemon asked the editor for, by path, where the request at hand comes again."""

    def __init__(
        self, workspace: Workspace, client: Client, clients: Clients, begun: Begun, earlier: Mapping[str, FileChange]
    ) -> None:
        self.workspace = workspace
        self._client = client
        self._clients = clients
        self._begun = begun
        self._earlier = earlier

    @classmethod
    async def of(cls, workspace: Workspace, client: Client, clients: Clients, begun: Begun) -> "Desk":
        earlier = await asyncio.to_thread(begun.of, again()) if again() else {}
        return cls(workspace, client, clients, begun, earlier)

    def split(
        self, changes: Sequence[FileChange], *, through_editor: bool = True
    ) -> tuple[list[FileChange], list[FileChange], tuple[RejectedEdit, ...]]:
        """(open in the editor, on disk, refused). A document that changed since is re-anchored or refused."""
        opened = self._client.documents() if through_editor else {}
        in_editor: list[FileChange] = []
        on_disk: list[FileChange] = []
        refused: list[RejectedEdit] = []
        for change in changes:
            if self.workspace.root / (change.old_path or change.path) not in opened:
                on_disk.append(change)
                continue
            found = self._earlier.get(change.path) or apply.rebase(change, self._shown(change))
            if isinstance(found, Rejected):
                refused.append(RejectedEdit(path=found.path, reason=found.reason, near=found.near))
            else:
                in_editor.append(found)
        return in_editor, on_disk, tuple(refused)

    async def begin(self, changes: Sequence[FileChange]) -> None:
        """Have the next daemon know of an edit that this one is about to have made. Raises AidError."""
        if changes and name() and not self._earlier:
            await asyncio.to_thread(self._begun.put, name(), changes)

    async def edit(self, changes: Sequence[FileChange], label: str) -> str | None:
        """Have the editor make changes that `split` gave and `begin` was told. None when it did, else why it didn't.

        Lines that were typed over since say nothing of whether an earlier daemon had them changed: the editor does.
        """
        found = [apply.rebase(each, self._shown(each)) for each in changes]
        to_make = [each for each in found if not isinstance(each, Rejected)]
        if len(to_make) == len(changes):
            return await self._client.apply_edit(self.workspace.root, to_make, label)
        return None if self._earlier and await self._client.made_edit() else "edited since"

    def refuse_unsaved(self, changes: Sequence[FileChange]) -> None:
        """Raises StaleError for files that an editor shows otherwise than the disk has them."""
        refused = []
        for path in dict.fromkeys(path for change in changes for path in (change.old_path, change.path) if path):
            with contextlib.suppress(BadChange, OSError):  # said by who writes
                disk = self.workspace.tree.read(path)
                if self._clients.unsaved(self.workspace.root / path, disk.content if disk else None) is not None:
                    told = f"{path} has unsaved changes in an editor: save it, or accept there"
                    refused.append(Refusal(path, told))
        if refused:
            raise StaleError("; ".join(map(str, refused)), refused=tuple(refused))

    def _shown(self, change: FileChange) -> bytes | None:
        path = change.old_path or change.path
        document = self._client.documents().get(self.workspace.root / path)
        disk = self.workspace.tree.read(path)
        content = disk.content if disk else None
        return as_bytes(document.text, content) if document else content
