"""Who asks: what a session may know of, and do to, the editor or command at the other end of a connection."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from aid.protocol import UpdateParams
from ces.change import FileChange


class OpenDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document an editor has open; `text` is what it shows, saved or not. `version` counts its changes."""

    path: Path
    text: str
    version: int | None
    language: str = ""


class Client(Protocol):
    """One connection. A command-line client has no documents and takes no edits."""

    def documents(self) -> Mapping[Path, OpenDocument]:
        """The open documents by real path, as they are at this moment."""
        ...

    def update(self, params: UpdateParams) -> None:
        """Send `aid/update`. Never blocks and never fails: a client that has gone simply misses it."""
        ...

    def changed(self, root: Path) -> None:
        """Files under `root` were changed, by this client's wish or another's. Never blocks and never fails."""
        ...

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        """Change open documents under `root` by one `workspace/applyEdit`, with document versions.

        None when the editor did it, else why it didn't.
        """
        ...

    async def made_edit(self) -> bool:
        """Whether the editor made what an earlier daemon asked of it for the request at hand, by `apply_edit`."""
        ...
