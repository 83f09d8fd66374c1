"""The documents an editor has open, kept as it shows them, saved or not."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from aid.server.lsp_types import ContentChange, DocumentItem, PositionEncoding
from aid.server.positions import line_starts, offset, path_of


class Document:
    """One open document at one version. `uri` is spelt as the editor spells it."""

    def __init__(self, uri: str, path: Path | None, language: str, version: int | None, text: str) -> None:
        self.uri = uri
        self.path = path
        self.language = language
        self.version = version
        self.text = text

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts."""
        return line_starts(self.text)


class Documents:
    """All of one editor's."""

    def __init__(self, encoding: PositionEncoding) -> None:
        self._encoding = encoding
        self._open: dict[str, Document] = {}

    def opened(self, item: DocumentItem) -> None:
        self._open[item.uri] = Document(item.uri, path_of(item.uri), item.language_id, item.version, item.text)

    def changed(self, uri: str, version: int | None, changes: Sequence[ContentChange]) -> bool:
        """Apply `changes`, each to what the one before left. False: that document is not open."""
        before = self._open.get(uri)
        if before is None:
            return False
        text = before.text
        for change in changes:
            text = self._applied(text, change)
        self._open[uri] = Document(uri, before.path, before.language, version, text)
        return True

    def closed(self, uri: str) -> None:
        self._open.pop(uri, None)

    def files(self) -> dict[Path, Document]:
        """Those that are files, by real path."""
        return {each.path: each for each in self._open.values() if each.path is not None}

    def _applied(self, text: str, change: ContentChange) -> str:
        if change.range is None:
            return change.text
        starts = line_starts(text)
        start = offset(text, starts, change.range.start, self._encoding)
        end = offset(text, starts, change.range.end, self._encoding)
        return text[:start] + change.text + text[max(start, end) :]
