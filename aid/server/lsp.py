"""The LSP half of a connection, opened by `initialize`: a pygls server for one editor.

Imported at the first `initialize` of the daemon's life, or while the one before it ends, for pygls takes half a second
and 20 MB. Only this module and those it imports know of LSP methods; the session layer sees a `Client`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from aid import __version__, attach
from aid.protocol import InitializationOptions
from aid.server import commands
from aid.server.diagnostics import BuildDiagnostics
from aid.server.documents import Documents
from aid.server.editor_protocol import CONVERTER, EditorProtocol, PeerError
from aid.server.host import Host
from aid.server.message import INVALID_REQUEST, RpcError
from aid.server.positions import path_of
from aid.server.progress import Progress
from aid.server.workspace_edit import RefusedError, workspace_edit
from aid.session.client import Client, OpenDocument
from aid.session.identity import name
from ces.change import FileChange

if TYPE_CHECKING:
    from aid.server.connection import Connection

APPLY_EDIT_TIMEOUT_S = 60.0


class Editor(LanguageServer):
    """One editor, from `initialize` to `shutdown`."""

    protocol: EditorProtocol

    def __init__(self, connection: Connection, host: Host) -> None:
        self.connection = connection
        super().__init__("aid", __version__, protocol_cls=EditorProtocol, converter_factory=lambda: CONVERTER)
        self._diagnostics = BuildDiagnostics(self, host)
        self._listen()
        commands.register(self, host)

    def _listen(self) -> None:
        """Documents and folders are pygls' to keep; here stands what else follows from a message."""

        @self.feature(types.INITIALIZE)
        def initialize(params: types.InitializeParams) -> None:
            self._diagnostics.asked_for = _options(params.initialization_options)

        @self.feature(types.INITIALIZED)
        def initialized(params: types.InitializedParams) -> None:
            self._refresh(self.workspace.roots())

        @self.feature(types.SHUTDOWN)
        def shutdown(params: None) -> None:
            self._diagnostics.close()

        @self.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=False))
        def saved(params: types.DidSaveTextDocumentParams) -> None:
            path = path_of(params.text_document.uri)
            if path is not None:
                self._refresh([self.root_of(path)])

        @self.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
        def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
            self._refresh([path for each in params.event.added if (path := path_of(each.uri)) is not None])

    @property
    def workspace(self) -> Documents:
        found = super().workspace
        assert isinstance(found, Documents)
        return found

    @property
    def opened(self) -> bool:
        """Whether `initialize` worked."""
        return self.protocol._workspace is not None

    @property
    def takes_edits(self) -> bool:
        """Whether it can be sent `workspace/applyEdit`."""
        offered = self.client_capabilities.workspace
        return bool(offered and offered.apply_edit)

    def documents(self) -> Mapping[Path, OpenDocument]:
        return {
            path: OpenDocument(path=path, text=each.text, version=each.version, language=each.language_id or "")
            for path, each in self.workspace.files().items()
        }

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        """See `aid.session.client.Client`."""
        if not self.takes_edits:
            return "this editor takes no edits (workspace.applyEdit)"
        try:
            edit = self._edit(root, changes)
            async with asyncio.timeout(APPLY_EDIT_TIMEOUT_S):
                params = types.ApplyWorkspaceEditParams(edit, label)
                result = await self.protocol.send_request_async(types.WORKSPACE_APPLY_EDIT, params, _edit_id())
        except (RefusedError, PeerError) as error:
            return str(error)
        except TimeoutError:
            return f"the client did not answer workspace/applyEdit within {APPLY_EDIT_TIMEOUT_S:g} s"
        return None if result.applied else result.failure_reason or "the editor did not say why"

    async def made_edit(self) -> bool:
        """See `aid.session.client.Client`. Asked by the edit's own id: where the edit went through the bridge, that has
        the answer; where it did not, the editor knows no such method."""
        try:
            async with asyncio.timeout(APPLY_EDIT_TIMEOUT_S):
                result = await self.protocol.send_request_async(attach.EDITED, None, _edit_id())
        except (PeerError, TimeoutError):
            return False
        return bool(result.applied)

    async def execute(self, params: types.ExecuteCommandParams, run: Callable[..., Awaitable[Any]], given: Any) -> Any:
        """Run a command; `$/progress` is shown for those that have a title."""
        title = commands.TITLES.get(params.command)
        if title is None:
            return await run(given, self.connection)
        async with self.progress_of(params.work_done_token, title, passes_on=False) as client:
            return await run(given, client)

    @asynccontextmanager
    async def progress_of(
        self, token: int | str | None, title: str, *, passes_on: bool = True
    ) -> AsyncIterator[Client]:
        """The client to work for while `$/progress` is shown, if the client asked for it or (`passes_on` False) not."""
        offered = self.client_capabilities.window
        progress = Progress(self, token, title, passes_on=passes_on)
        try:
            await progress.begin(may_create=not passes_on and bool(offered and offered.work_done_progress))
            yield progress
        finally:
            progress.end()

    def root_of(self, path: Path) -> Path:
        """The innermost workspace folder that holds `path`; outside all of them, the file's own directory."""
        holding = [folder for folder in self.workspace.roots() if path.is_relative_to(folder)]
        return max(holding, key=lambda folder: len(folder.parts)) if holding else path.parent

    def first_root(self) -> Path:
        roots = self.workspace.roots()
        if not roots:
            raise RpcError(INVALID_REQUEST, "no workspace folder is open: give a `workspace`")
        return roots[0]

    def changed(self, root: Path) -> None:
        """See `aid.session.client.Client`: what the build says there is asked anew."""
        self._refresh([each for each in self.workspace.roots() if each == root])

    def lost(self) -> None:
        """The client is gone."""
        self._diagnostics.close()
        self.protocol.lost()

    def _edit(self, root: Path, changes: Sequence[FileChange]) -> types.WorkspaceEdit:
        offered = self.client_capabilities.workspace
        support = (offered and offered.workspace_edit) or types.WorkspaceEditClientCapabilities()
        return workspace_edit(root.resolve(), changes, self.workspace.files(), support, self.workspace.encoding)

    def _refresh(self, roots: Sequence[Path]) -> None:
        for root in roots:
            self._diagnostics.refresh(root)


def _edit_id() -> str | None:
    """One edit a request: asked for again by the next daemon, a bridge knows it, and the editor makes it once."""
    return f"aid-edit-{name()}" if name() else None


def _options(given: Any) -> InitializationOptions:
    """Options that mean nothing here are another server's: an editor's settings are shared by many."""
    try:
        return msgspec.convert(given or {}, InitializationOptions)
    except msgspec.ValidationError:
        return InitializationOptions()
