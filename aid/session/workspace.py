"""One workspace the daemon has open: its index, its context, its build, and its files as the editor sees them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from aid import apply, paths
from aid.config import Loaded
from aid.context.build import ContextBuilder
from aid.context.index import WorkspaceIndex
from aid.edits.edit import Document
from aid.session.client import Client, OpenDocument
from aid.session.documents import unsaved
from ces import builds
from ces.builder import DISABLED
from ces.change import FileChange
from ces.check import Checker
from ces.errors import CesError
from ces.tree import Tree
from ces.verdict import BuildStatus, EarlyCount

log = logging.getLogger(__name__)


class View:
    """The workspace as one request sees it: the disk, with unsaved text (and edits being tried) over it."""

    def __init__(self, root: Path, tree: Tree, over: Mapping[str, bytes | None]) -> None:
        self.root = root
        self._tree = tree
        self._over = over

    def read(self, path: str) -> Document | None:
        """The file at `path`, or None where there is none. Raises BadChange for what may not be read."""
        on_disk = self._tree.read(path)
        mode = on_disk.mode if on_disk else 0o644
        if path in self._over:
            content = self._over[path]
            return None if content is None else Document(path=path, content=content, mode=mode)
        return Document(path=path, content=on_disk.content, mode=mode) if on_disk else None

    def overlay(self) -> tuple[FileChange, ...]:
        """What lies over the disk, as a change to it, for the build to see."""
        changes = []
        for path, content in self._over.items():
            on_disk = self._tree.read(path)
            before = on_disk.content if on_disk else None
            if before != content:
                changes.append(FileChange(path=path, before=before, after=content))
        return tuple(changes)

    def documents(self) -> dict[Path, OpenDocument]:
        """What lies over the disk, as open documents, for the context to show."""
        return {
            self.root / path: OpenDocument(
                path=self.root / path, text=content.decode("utf-8-sig", "replace"), version=None
            )
            for path, content in self._over.items()
            if content is not None
        }

    def with_changes(self, changes: Sequence[FileChange]) -> "View":
        """This view after `changes`."""
        over = dict(self._over)
        for change in changes:
            if change.old_path is not None:
                over[change.old_path] = None
            over[change.path] = change.after
        return View(self.root, self._tree, over)


def settled(loaded: Loaded) -> tuple[object, ...]:
    """The settings that an open workspace is made from: when they change, it is opened anew."""
    return (loaded.config.context, loaded.config.build, loaded.withheld)


def _is_recognised(root: Path, loaded: Loaded) -> bool:
    if any(name.startswith("build.") for name in loaded.withheld):
        return True
    if loaded.config.build.adapter == DISABLED:
        return False
    try:
        return builds.find(root, loaded.config.build) is not None
    except CesError:
        return True


class Workspace:
    """Open it with `open`, close it with `close`."""

    def __init__(self, root: Path, loaded: Loaded) -> None:
        config = loaded.config
        self.root = root
        self.settled = settled(loaded)
        self.tree = Tree(root)
        self.index = WorkspaceIndex(root, config.context)
        self.context = ContextBuilder(settings=config.context)
        self.checker = Checker(root, config.build, paths.workspace_state(root) / "builds")
        self.last_build: BuildStatus | None = None
        self._recognised = False
        self._built: tuple[int, tuple[FileChange, ...]] | None = None
        self._building: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, root: Path, loaded: Loaded) -> "Workspace":
        """Finish or roll back what a killed apply left, then start indexing in the background."""
        await asyncio.to_thread(apply.recover, root)
        workspace = cls(root, loaded)
        try:
            workspace._recognised = await asyncio.to_thread(_is_recognised, root, loaded)
            workspace.index.touched.append(workspace.on_touched)
            await workspace.index.start()
        except BaseException:
            await workspace.close()
            raise
        return workspace

    def view(self, client: Client) -> View:
        def on_disk(path: str) -> bytes | None:
            found = self.tree.read(path)
            return found.content if found else None

        return View(self.root, self.tree, unsaved(self.root, client.documents(), on_disk))

    @property
    def has_build(self) -> bool:
        """Whether there is a build, even one whose tools are missing or whose settings are wrong or not trusted."""
        return self._recognised or (self.last_build is not None and self.last_build.adapter is not None)

    @property
    def early_count(self) -> EarlyCount | None:
        """None until a proposal had an early word, or was refused one."""
        count = self.checker.early_count
        return None if count == EarlyCount() else count

    async def build_status(self, view: View) -> BuildStatus:
        """What the build says of the workspace as `view` sees it: the tree is looked at, and built if it is new."""
        generation = self.index.generation
        overlay = await asyncio.to_thread(view.overlay)
        status = await self.checker.status(overlay)
        self.last_build = status
        self._built = (generation, overlay)
        return status

    async def build_as_last_seen(self, view: View) -> BuildStatus | None:
        """The last status, where no change was noticed since; the watcher notices one within half a second.

        Looking at every file of a large workspace takes longer than a first token may; when it isn't known, the build
        is started in the background for the verdict that will need it.
        """
        watching = self.index.ready and not self.index.polling
        if watching and self._built == (self.index.generation, await asyncio.to_thread(view.overlay)):
            return self.last_build
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build_quietly(view))
        return None

    async def _build_quietly(self, view: View) -> None:
        try:
            await self.build_status(view)
        except CesError as error:
            log.info("the build of %s could not be asked: %s", self.root.name, error)

    def on_touched(self, changed: frozenset[str] | None) -> None:
        """Files changed; None: too many to name, which the checker sees for itself."""
        if changed:
            self.checker.touched(changed)

    async def close(self) -> None:
        if self._building is not None:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)
        await self.context.close()
        await self.index.close()
        await self.checker.close()
        self.tree.close()
