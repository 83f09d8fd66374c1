"""The LSP half of a connection, opened by `initialize`: what the editor can do, its folders and its documents.

Only this module and those it imports know of LSP methods; the session layer sees a `Client`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aid import __version__
from aid.server import lsp_types as lsp
from aid.server.commands import COMMANDS, QUICK_FIX, TITLES, Commands, code_actions
from aid.server.diagnostics import BuildDiagnostics
from aid.server.documents import Documents
from aid.server.host import Host
from aid.server.message import INVALID_REQUEST, RpcError
from aid.server.peer import PeerError
from aid.server.positions import path_of
from aid.server.progress import Cancellable, Progress
from aid.server.routes import read_params
from aid.server.workspace_edit import RefusedError, workspace_edit
from aid.session.client import OpenDocument
from ces.change import FileChange

if TYPE_CHECKING:
    from aid.server.connection import Connection

log = logging.getLogger("aid.server")

APPLY_EDIT_TIMEOUT_S = 60.0
INCREMENTAL = 2

INITIALIZE = msgspec.json.Decoder(lsp.InitializeParams)
REQUESTS = frozenset({"shutdown", "textDocument/codeAction", "workspace/executeCommand"})

_CODE_ACTION = msgspec.json.Decoder(lsp.CodeActionParams)
_EXECUTE = msgspec.json.Decoder(lsp.ExecuteCommandParams)
_WORK_DONE = msgspec.json.Decoder(lsp.WorkDone)
_APPLIED = msgspec.json.Decoder(lsp.ApplyEditResult)
_NOTIFICATIONS: dict[str, msgspec.json.Decoder[Any]] = {
    "textDocument/didOpen": msgspec.json.Decoder(lsp.DidOpenParams),
    "textDocument/didChange": msgspec.json.Decoder(lsp.DidChangeParams),
    "textDocument/didClose": msgspec.json.Decoder(lsp.DidCloseParams),
    "textDocument/didSave": msgspec.json.Decoder(lsp.DidSaveParams),
    "workspace/didChangeWorkspaceFolders": msgspec.json.Decoder(lsp.DidChangeFoldersParams),
    "window/workDoneProgress/cancel": msgspec.json.Decoder(lsp.TokenParams),
}


class LanguageSession:
    """One editor, from `initialize` to `shutdown`. `takes_edits`: it can be sent `workspace/applyEdit`."""

    def __init__(self, connection: Connection, host: Host, params: lsp.InitializeParams) -> None:
        self.connection = connection
        self.takes_edits = params.capabilities.workspace.apply_edit
        self._client = params.capabilities
        self._encoding = _position_encoding(params.capabilities.general.position_encodings)
        self._folders = _folders(params)
        self._documents = Documents(self._encoding)
        self._commands = Commands(self, host)
        self._progress = Cancellable()
        self._diagnostics = BuildDiagnostics(connection, host, self._documents, self._encoding)
        self._publishes = _option(params.initialization_options, "diagnostics")
        self._ended = False

    def initialize_result(self) -> dict[str, Any]:
        """LSP 3.17, InitializeResult."""
        return {
            "capabilities": {
                "positionEncoding": self._encoding,
                "textDocumentSync": {"openClose": True, "change": INCREMENTAL, "save": {"includeText": False}},
                "codeActionProvider": {"codeActionKinds": [QUICK_FIX]},
                "executeCommandProvider": {"commands": COMMANDS, "workDoneProgress": True},
                "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
            },
            "serverInfo": {"name": "aid", "version": __version__},
        }

    async def request(self, method: str, params: msgspec.Raw) -> Any:
        """Answer one of REQUESTS."""
        if self._ended:
            raise RpcError(INVALID_REQUEST, "after 'shutdown' only 'exit' may come")
        if method == "textDocument/codeAction":
            return code_actions(read_params(_CODE_ACTION, params))
        if method == "workspace/executeCommand":
            return await self._execute(params)
        self._ended = True
        self.close()
        return None

    def notified(self, method: str, params: msgspec.Raw) -> None:
        """A notification can't be answered: a malformed one is only logged."""
        if method == "initialized":
            self.refresh_diagnostics()
            return
        if method not in _NOTIFICATIONS:
            return
        try:
            given = read_params(_NOTIFICATIONS[method], params)
        except RpcError as error:
            log.warning("malformed notification", extra={"method": method, "code": error.code})
            return
        self._take(given)

    def documents(self) -> Mapping[Path, OpenDocument]:
        return {
            path: OpenDocument(path=path, text=each.text, version=each.version, language=each.language)
            for path, each in self._documents.files().items()
        }

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        """See `aid.session.client.Client`."""
        if not self.takes_edits:
            return "this editor takes no edits (workspace.applyEdit)"
        try:
            params = lsp.ApplyEditParams(edit=self._workspace_edit(root, changes), label=label)
            answer = await self.connection.ask("workspace/applyEdit", params, APPLY_EDIT_TIMEOUT_S)
            result = read_params(_APPLIED, answer)
        except (RefusedError, PeerError, RpcError) as error:
            return str(error)
        return None if result.applied else result.failure_reason or "the editor did not say why"

    @asynccontextmanager
    async def progress_of(self, params: msgspec.Raw, title: str, *, passes_on: bool = True) -> AsyncIterator[Progress]:
        """The client to work for while `$/progress` is shown, if the client asked for it or (`passes_on` False) not."""
        token = read_params(_WORK_DONE, params).work_done_token
        progress = Progress(self.connection, token, title, passes_on=passes_on)
        may_create = not passes_on and self._client.window.work_done_progress
        try:
            await progress.begin(may_create=may_create)
            self._progress.add(progress.token)
            yield progress
        finally:
            self._progress.discard(progress.token)
            progress.end()

    def root_of(self, path: Path) -> Path:
        """The innermost workspace folder that holds `path`; outside all of them, the file's own directory."""
        holding = [folder for folder in self._folders if path.is_relative_to(folder)]
        return max(holding, key=lambda folder: len(folder.parts)) if holding else path.parent

    def first_root(self) -> Path:
        if not self._folders:
            raise RpcError(INVALID_REQUEST, "no workspace folder is open: give a `workspace`")
        return self._folders[0]

    def refresh_diagnostics(self) -> None:
        """Build every folder again."""
        if self._publishes:
            for folder in self._folders:
                self._diagnostics.refresh(folder)

    def close(self) -> None:
        self._diagnostics.close()

    def _workspace_edit(self, root: Path, changes: Sequence[FileChange]) -> lsp.WorkspaceEdit:
        support = self._client.workspace.workspace_edit
        return workspace_edit(root.resolve(), changes, self._documents.files(), support, self._encoding)

    async def _execute(self, params: msgspec.Raw) -> Any:
        given = read_params(_EXECUTE, params)
        title = TITLES.get(given.command)
        if title is None:
            return await self._commands.run(given.command, given.arguments, self.connection)
        async with self.progress_of(params, title, passes_on=False) as client:
            return await self._commands.run(given.command, given.arguments, client)

    def _take(self, given: Any) -> None:
        match given:
            case lsp.DidOpenParams():
                self._documents.opened(given.text_document)
            case lsp.DidChangeParams(text_document=which):
                if not self._documents.changed(which.uri, which.version, given.content_changes):
                    log.warning("a change to a document that is not open")
            case lsp.DidCloseParams():
                self._documents.closed(given.text_document.uri)
            case lsp.DidSaveParams():
                self._saved(given.text_document.uri)
            case lsp.DidChangeFoldersParams():
                self._change_folders(given.event)
            case lsp.TokenParams():
                self._progress.cancel(given.token)

    def _saved(self, uri: str) -> None:
        path = path_of(uri)
        if path is not None and self._publishes:
            self._diagnostics.refresh(self.root_of(path))

    def _change_folders(self, event: lsp.FoldersEvent) -> None:
        gone = {path_of(folder.uri) for folder in event.removed}
        fresh = [path for folder in event.added if (path := path_of(folder.uri)) is not None]
        self._folders = [*dict.fromkeys([*(each for each in self._folders if each not in gone), *fresh])]
        if self._publishes:
            for folder in fresh:
                self._diagnostics.refresh(folder)


def _folders(params: lsp.InitializeParams) -> list[Path]:
    uris = [folder.uri for folder in params.workspace_folders or ()]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    elif not uris and params.root_path:
        uris = [Path(params.root_path).absolute().as_uri()]
    return [path for uri in uris if (path := path_of(uri)) is not None]


def _position_encoding(offered: Sequence[str]) -> lsp.PositionEncoding:
    """Code points where the editor can count them, else UTF-16, which every editor can."""
    return "utf-32" if "utf-32" in offered else "utf-16"


def _option(options: Any, name: str) -> bool:
    """A switch of `initializationOptions`, on unless it is false."""
    return not (isinstance(options, dict) and options.get(name) is False)
