"""All who are connected now: what one of them does to a file may be another's unsaved text."""

from pathlib import Path

from aid.metrics.watch import read_from_disk
from aid.session.client import Client
from aid.session.documents import as_bytes


class Clients:
    def __init__(self) -> None:
        self._connected: dict[Client, None] = {}

    def joined(self, client: Client) -> None:
        self._connected[client] = None

    def left(self, client: Client) -> None:
        self._connected.pop(client, None)

    def changed(self, root: Path) -> None:
        """Files under `root` were changed for someone: whoever works there is told."""
        for client in self._connected:
            client.changed(root)

    def unsaved(self, path: Path, on_disk: bytes | None) -> bytes | None:
        """What an editor shows of the file at the real `path`, where that isn't `on_disk`; None where none does."""
        for client in self._connected:
            document = client.documents().get(path)
            if document is not None and (content := as_bytes(document.text, on_disk)) != on_disk:
                return content
        return None

    def holds(self, root: Path) -> bool:
        """Whether an editor has a document under `root` open."""
        return any(path.is_relative_to(root) for client in self._connected for path in client.documents())

    async def read(self, root: Path, path: str) -> bytes | None:
        """A workspace's file as the person sees it, unsaved text before the disk's; None: there is none."""
        on_disk = await read_from_disk(root, path)
        unsaved = self.unsaved(root / path, on_disk)
        return on_disk if unsaved is None else unsaved
