"""The documents an editor has open, as it shows them, so that a new daemon can be told. Pure.

The editor's messages are the truth: the daemon applies them by the same `aid.positions`, so both have the same text.
Texts are kept as UTF-8, which one character outside of Latin-1 would make two or four times as large in a `str`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from aid.positions import spliced
from aid.server import message
from aid.server.message import Call


class _Item(msgspec.Struct, rename="camel"):
    uri: str
    language_id: str
    version: int
    text: str


class _Place(msgspec.Struct):
    line: int
    character: int


class _Range(msgspec.Struct):
    start: _Place
    end: _Place


class _Change(msgspec.Struct):
    """Without a `range`, `text` is all of the document's."""

    text: str
    range: _Range | None = None


class _Version(msgspec.Struct):
    uri: str
    version: int | None = None


class _Opened(msgspec.Struct, rename="camel"):
    text_document: _Item


class _Changed(msgspec.Struct, rename="camel"):
    text_document: _Version
    content_changes: list[_Change]


class _Closed(msgspec.Struct, rename="camel"):
    text_document: _Version


class _Document(msgspec.Struct):
    language: str
    version: int
    text: bytes


_OPENED = msgspec.json.Decoder(_Opened)
_CHANGED = msgspec.json.Decoder(_Changed)
_CLOSED = msgspec.json.Decoder(_Closed)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class Documents:
    """`encoding` is what the daemon and the editor agreed on for positions."""

    def __init__(self) -> None:
        self.encoding = "utf-16"
        self._open: dict[str, _Document] = {}
        self._follow: dict[str, Callable[[msgspec.Raw], None]] = {
            "textDocument/didOpen": self._opened,
            "textDocument/didChange": self._changed,
            "textDocument/didClose": self._closed,
        }

    def follow(self, call: Call) -> bool:
        """Whether `call` is about what a document's text is. What can't be read the daemon can't either: then neither
        knows the text."""
        follow = self._follow.get(call.method)
        if follow is None:
            return False
        try:
            follow(call.params)
        except _UNREADABLE:
            unknown = message.unknown_text(call.body)
            if unknown is not None:
                follow(unknown.params)
        return True

    def replay(self) -> Iterator[dict[str, Any]]:
        """The params of a `textDocument/didOpen` for each, as they are now, in the order they were opened."""
        for uri, each in self._open.items():
            text = each.text.decode("utf-8", "surrogatepass")
            item = {"uri": uri, "languageId": each.language, "version": each.version, "text": text}
            yield {"textDocument": item}

    def _opened(self, params: msgspec.Raw) -> None:
        item = _OPENED.decode(params).text_document
        self._open[item.uri] = _Document(item.language_id, item.version, _bytes(item.text))

    def _changed(self, params: msgspec.Raw) -> None:
        found = _CHANGED.decode(params)
        document = self._open.get(found.text_document.uri)
        if document is None:
            return
        if any(change.range is not None for change in found.content_changes):
            text = document.text.decode("utf-8", "surrogatepass")
        else:
            text = ""
        for change in found.content_changes:
            where = change.range
            if where is None:
                text = change.text
            else:
                start, end = (where.start.line, where.start.character), (where.end.line, where.end.character)
                text = spliced(text, start, end, change.text, self.encoding)
        if found.content_changes:
            document.text = _bytes(text)
        if found.text_document.version is not None:
            document.version = found.text_document.version

    def _closed(self, params: msgspec.Raw) -> None:
        self._open.pop(_CLOSED.decode(params).text_document.uri, None)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
