"""One workspace the daemon has open: its index, its context, its build, and reading a file the way its editor sees it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ces.check import Checker

from aid import apply, paths
from aid.config import Config
from aid.context import ContextBuilder, WorkspaceIndex
from aid.edits import Document
from aid.models.backend import Message
from aid.session.client import Client
from aid.session.documents import unsaved
from ces.change import FileChange
from ces.tree import Tree

KEPT_CHATS = 50
KEPT_MESSAGES = 40


class View:
    """The workspace as one request sees it: the disk, with the client's unsaved text over it, at one moment."""

    def __init__(self, tree: Tree, over: Mapping[str, bytes]) -> None:
        self._tree = tree
        self.over = over

    def read(self, path: str) -> Document | None:
        """The file at `path`, or None where there is none or none that may be read."""
        on_disk = self._tree.read(path)
        content = self.over.get(path)
        if content is not None:
            return Document(path=path, content=content, mode=on_disk.mode if on_disk else 0o644)
        return Document(path=path, content=on_disk.content, mode=on_disk.mode) if on_disk else None

    def overlay(self) -> tuple[FileChange, ...]:
        """The unsaved text as a change to the disk, for the build to see."""
        changes = []
        for path, content in self.over.items():
            on_disk = self._tree.read(path)
            changes.append(FileChange(path=path, before=on_disk.content if on_disk else None, after=content))
        return tuple(changes)


class Workspace:
    """Open it with `open`; it lives until the daemon ends."""

    def __init__(self, root: Path, config: Config) -> None:
        self.root = root
        self.config = config
        self.tree = Tree(root)
        self.index = WorkspaceIndex(root, config.context)
        self.context = ContextBuilder(self.index)
        self.checker = Checker(root, config.build, paths.workspace_state(root))
        self._chats: dict[str, tuple[Message, ...]] = {}

    @classmethod
    async def open(cls, root: Path, config: Config) -> "Workspace":
        """Finish or roll back what a killed apply left, then start indexing in the background."""
        await asyncio.to_thread(apply.recover, root)
        workspace = cls(root, config)
        workspace.index.on_change(workspace.checker.touched)
        await workspace.index.start()
        return workspace

    def view(self, client: Client) -> View:
        def on_disk(path: str) -> bytes | None:
            found = self.tree.read(path)
            return found.content if found else None

        return View(self.tree, unsaved(self.root, client.documents(), on_disk))

    def history(self, chat: str | None) -> tuple[Message, ...]:
        return self._chats.get(chat, ()) if chat else ()

    def remember(self, chat: str | None, asked: Message, answered: str) -> None:
        """Add a turn to a chat; the oldest turns and the oldest chats are forgotten first."""
        if not chat:
            return
        said = (*self._chats.pop(chat, ()), asked, Message("assistant", answered))
        self._chats[chat] = said[-KEPT_MESSAGES:]
        while len(self._chats) > KEPT_CHATS:
            del self._chats[next(iter(self._chats))]

    async def close(self) -> None:
        await self.index.close()
        await self.checker.close()
        self.tree.close()
