"""The documents an editor has open, kept as it shows them, saved or not: pygls' workspace with our text sync."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from aid.positions import spliced
from aid.server.positions import path_of

UTF16 = types.PositionEncodingKind.Utf16

log = logging.getLogger("aid.server")


class Document(TextDocument):
    """One open document. `uri` is spelt as the editor spells it."""

    @cached_property
    def real_path(self) -> Path | None:
        return path_of(self.uri)

    @property
    def text(self) -> str:
        return self._source or ""

    def _apply_incremental_change(self, change: types.TextDocumentContentChangePartial) -> None:
        """pygls counts lines as `str.splitlines` does, so that an edit after a form feed lands on the wrong one, and
        takes a place past the last line's end for one character before it."""
        start, end = change.range.start, change.range.end
        self._source = spliced(
            self.text,
            (start.line, start.character),
            (end.line, end.character),
            change.text,
            self.position_codec.encoding or UTF16,
        )


class Documents(Workspace):
    """All of one editor's, and its folders."""

    @classmethod
    def of(cls, params: types.InitializeParams, made: Workspace) -> Self:
        """In place of the one that pygls `made`; an editor without folders has its root as the only one."""
        folders = params.workspace_folders or []
        if not folders and made.root_uri is not None:
            folders = [types.WorkspaceFolder(uri=made.root_uri, name="")]
        return cls(made.root_uri, workspace_folders=folders, position_encoding=made.position_encoding)

    @property
    def encoding(self) -> str:
        return self.position_encoding or UTF16

    def files(self) -> dict[Path, Document]:
        """Those that are files, by real path."""
        opened = (each for each in self.text_documents.values() if isinstance(each, Document))
        return {each.real_path: each for each in opened if each.real_path is not None}

    def roots(self) -> list[Path]:
        """The folders that are directories of this machine, in the editor's order."""
        return [path for folder in self.folders.values() if (path := path_of(folder.uri)) is not None]

    def update_text_document(
        self,
        text_doc: types.VersionedTextDocumentIdentifier,
        change: types.TextDocumentContentChangeEvent,
    ) -> None:
        """pygls takes it for granted that the document is open."""
        if unquote(text_doc.uri) in self.text_documents:
            super().update_text_document(text_doc, change)
        else:
            log.warning("a change to a document that is not open")

    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> Document:
        return Document(doc_uri, source, version, language_id, position_codec=self.position_codec)
