"""The part of LSP 3.17 that AID speaks, as structs; names on the wire are the specification's (camelCase).

Only the fields AID reads or writes: what else a client sends is ignored. Fields at their default are left out.
"""

from typing import Any, Literal

import msgspec

Token = int | str
PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]


class Lsp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    pass


class Position(msgspec.Struct, frozen=True):
    """Zero-based; `character` counts units of the negotiated encoding."""

    line: int
    character: int


class Range(msgspec.Struct, frozen=True):
    start: Position
    end: Position


# Documents


class DocumentId(Lsp, frozen=True):
    uri: str


class VersionedDocumentId(Lsp, frozen=True):
    """`version` None (said, not left out): the document as it is on disk."""

    uri: str
    version: int | None


class DocumentItem(Lsp, frozen=True):
    uri: str
    language_id: str
    version: int
    text: str


class DidOpenParams(Lsp, frozen=True):
    text_document: DocumentItem


class ContentChange(Lsp, frozen=True):
    """`range` None: `text` is the whole document."""

    text: str
    range: Range | None = None


class DidChangeParams(Lsp, frozen=True):
    text_document: VersionedDocumentId
    content_changes: tuple[ContentChange, ...]


class DidCloseParams(Lsp, frozen=True):
    text_document: DocumentId


class DidSaveParams(Lsp, frozen=True):
    text_document: DocumentId


# The connection


class WorkspaceFolder(Lsp, frozen=True):
    uri: str
    name: str = ""


class FoldersEvent(Lsp, frozen=True):
    added: tuple[WorkspaceFolder, ...]
    removed: tuple[WorkspaceFolder, ...]


class DidChangeFoldersParams(Lsp, frozen=True):
    event: FoldersEvent


class WorkspaceEditSupport(Lsp, frozen=True):
    document_changes: bool = False
    resource_operations: tuple[str, ...] = ()


class WorkspaceSupport(Lsp, frozen=True):
    apply_edit: bool = False
    workspace_edit: WorkspaceEditSupport = WorkspaceEditSupport()


class WindowSupport(Lsp, frozen=True):
    work_done_progress: bool = False


class GeneralSupport(Lsp, frozen=True):
    position_encodings: tuple[str, ...] = ()


class ClientCapabilities(Lsp, frozen=True):
    workspace: WorkspaceSupport = WorkspaceSupport()
    window: WindowSupport = WindowSupport()
    general: GeneralSupport = GeneralSupport()


class InitializeParams(Lsp, frozen=True):
    capabilities: ClientCapabilities
    root_uri: str | None = None
    root_path: str | None = None
    workspace_folders: tuple[WorkspaceFolder, ...] | None = None
    initialization_options: Any = None


class ShowMessageParams(Lsp, frozen=True):
    """`type`: 1 error, 2 warning, 3 information, 4 log."""

    type: int
    message: str


# Diagnostics and code actions


class Diagnostic(Lsp, frozen=True):
    """`severity`: 1 error, 2 warning, 3 information, 4 hint."""

    range: Range
    message: str
    severity: int | None = None
    code: int | str | None = None
    source: str | None = None


class PublishDiagnosticsParams(Lsp, frozen=True):
    uri: str
    diagnostics: tuple[Diagnostic, ...]
    version: int | None = None


class CodeActionContext(Lsp, frozen=True):
    """`diagnostics` are kept as they came, to be handed back unchanged."""

    diagnostics: tuple[msgspec.Raw, ...] = ()
    only: tuple[str, ...] | None = None


class CodeActionParams(Lsp, frozen=True):
    text_document: DocumentId
    range: Range
    context: CodeActionContext


class Command(Lsp, frozen=True):
    title: str
    command: str
    arguments: tuple[Any, ...] = ()


class CodeAction(Lsp, frozen=True):
    title: str
    kind: str
    command: Command
    diagnostics: tuple[msgspec.Raw, ...] = ()


class ExecuteCommandParams(Lsp, frozen=True):
    command: str
    arguments: tuple[msgspec.Raw, ...] = ()
    work_done_token: Token | None = None


# Edits


class TextEdit(Lsp, frozen=True):
    range: Range
    new_text: str


class DocumentEdit(Lsp, frozen=True):
    text_document: VersionedDocumentId
    edits: tuple[TextEdit, ...]


class CreateFile(Lsp, frozen=True, tag_field="kind", tag="create"):
    uri: str


class RenameFile(Lsp, frozen=True, tag_field="kind", tag="rename"):
    old_uri: str
    new_uri: str


class DeleteFile(Lsp, frozen=True, tag_field="kind", tag="delete"):
    uri: str


DocumentChange = DocumentEdit | CreateFile | RenameFile | DeleteFile


class WorkspaceEdit(Lsp, frozen=True):
    document_changes: tuple[DocumentChange, ...]


class ApplyEditParams(Lsp, frozen=True):
    edit: WorkspaceEdit
    label: str | None = None


class ApplyEditResult(Lsp, frozen=True):
    applied: bool
    failure_reason: str | None = None


# Progress


class WorkDone(Lsp, frozen=True):
    """The mixin `WorkDoneProgressParams` of a request's params."""

    work_done_token: Token | None = None


class TokenParams(Lsp, frozen=True):
    token: Token


class ProgressBegin(Lsp, frozen=True, tag_field="kind", tag="begin"):
    title: str
    cancellable: bool = False
    message: str | None = None


class ProgressReport(Lsp, frozen=True, tag_field="kind", tag="report"):
    message: str | None = None


class ProgressEnd(Lsp, frozen=True, tag_field="kind", tag="end"):
    message: str | None = None


class ProgressParams(Lsp, frozen=True):
    token: Token
    value: ProgressBegin | ProgressReport | ProgressEnd
