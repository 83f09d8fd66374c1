"""What the editor shows of files, as documents that are open to the daemon: unsaved text wins, and edits go through it.

The editor says what it shows when it is asked, and doesn't tell of changes. So a document is open only for a turn, is
asked for anew where it matters, and one that is shown as it is on the disk need not be open at all.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from aid.acp.editor import Editor
from aid.acp.link import Link
from aid.session.documents import as_bytes

_LINE_END = re.compile(r"\r\n|\r|\n")


class Open(msgspec.Struct, frozen=True):
    text: str
    version: int


class _Position(msgspec.Struct):
    line: int
    character: int


class _Range(msgspec.Struct):
    start: _Position
    end: _Position


class TextEdit(msgspec.Struct, rename="camel"):
    range: _Range
    new_text: str


class _Document(msgspec.Struct):
    uri: str
    version: int | None = None


class _DocumentEdit(msgspec.Struct, rename="camel"):
    text_document: _Document
    edits: list[TextEdit]


class _WorkspaceEdit(msgspec.Struct, rename="camel"):
    document_changes: list[_DocumentEdit] = []


class ApplyEditParams(msgspec.Struct, rename="camel"):
    """LSP 3.17, of which a client that offers no resource operations gets this much."""

    edit: _WorkspaceEdit


class Documents:
    def __init__(self, root: Path, link: Link, editor: Editor) -> None:
        self.root = root
        self.link = link
        self.editor = editor
        self._opened: dict[str, Open] = {}
        self._by_uri: dict[str, str] = {}
        self._said: dict[str, str] = {}

    def forget(self) -> None:
        """The daemon knows of none any more."""
        self._opened.clear()

    async def show(self, path: str, *, text: str | None = None, held: bool = False) -> None:
        """Ask the editor for a file, by its path in the workspace, and have the daemon see it so.

        `text` is what the editor shows, where it said so already; one that can't be asked is taken at that word later
        too. `held`: keep it open even when it is as on disk.
        """
        if text is not None:
            self._said[path] = text
        shown = text if text is not None else await self.editor.text(self.root / path)
        if shown is None and not self.editor.fs.read_text_file:
            shown = self._said.get(path)
        disk = self._disk(path)
        if shown is None and held and disk is not None:
            shown = disk.decode("utf-8")  # raises nothing: see _disk
        differs = shown is not None and as_bytes(shown, disk) != disk
        if shown is None or not (differs or held):
            await self._close(path)
            return
        before = self._opened.get(path)
        if before is not None and before.text == shown:
            return
        await self._tell(path, shown, (before.version if before else 0) + 1, new=before is None)

    async def close(self) -> None:
        for path in list(self._opened):
            await self._close(path)

    def content(self, path: str) -> bytes | None:
        """A file as the daemon sees it: as the editor shows it where that is open, else as it is on disk."""
        disk = self._disk(path)
        opened = self._opened.get(path)
        return disk if opened is None else as_bytes(opened.text, disk)

    async def apply(self, params: ApplyEditParams) -> dict[str, Any]:
        """Make the daemon's edits in the editor; the answer to its `workspace/applyEdit`."""
        for change in params.edit.document_changes:
            path = self._by_uri.get(change.text_document.uri, "")
            opened = self._opened.get(path)
            if opened is None or change.text_document.version not in (None, opened.version):
                return _not_applied(f"{path or change.text_document.uri} has changed: ask again")
            text = edited(opened.text, change.edits)
            why = await self.editor.write(self.root / path, text)
            if why is not None:
                return _not_applied(why)
            await self._tell(path, text, opened.version + 1, new=False)
        return {"applied": True}

    async def _tell(self, path: str, text: str, version: int, *, new: bool) -> None:
        uri = (self.root / path).as_uri()
        self._opened[path] = Open(text, version)
        self._by_uri[uri] = path
        identity = {"uri": uri, "version": version}
        if new:
            item = identity | {"languageId": "", "text": text}
            await self.link.tell("textDocument/didOpen", {"textDocument": item})
        else:
            changes = {"textDocument": identity, "contentChanges": [{"text": text}]}
            await self.link.tell("textDocument/didChange", changes)

    async def _close(self, path: str) -> None:
        if self._opened.pop(path, None) is not None:
            uri = (self.root / path).as_uri()
            await self.link.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def _disk(self, path: str) -> bytes | None:
        """None where there is no text file."""
        try:
            content = (self.root / path).read_bytes()
            content.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return content


def edited(text: str, edits: list[TextEdit]) -> str:
    """`text` with the daemon's edits made, which are of whole lines, in order, and don't overlap."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(text))]

    def offset(place: _Position) -> int:
        """The only place that isn't a line's beginning is the text's end."""
        return starts[place.line] if place.line < len(starts) and not place.character else len(text)

    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : offset(edit.range.start)], edit.new_text]
        at = offset(edit.range.end)
    return "".join([*pieces, text[at:]])


def _not_applied(why: str) -> dict[str, Any]:
    return {"applied": False, "failureReason": why}
