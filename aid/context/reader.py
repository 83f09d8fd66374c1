"""A workspace's files as one request sees them: the editor's unsaved text before the disk's.

Made anew for each request; a file is read at most once in it. Nothing outside the workspace is read, symbolic links
included, and no more than `max_file_bytes` of anything.
"""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import msgspec

from aid.context import search
from aid.context.languages import language_of, word
from aid.context.lines import split
from aid.context.outline import Definition, parse
from aid.context.piece import Ask
from aid.context.walk import read
from aid.root import inside

P = ParamSpec("P")
T = TypeVar("T")

OUTLINES = 128


class Index(Protocol):
    """What a request needs of `aid.context.index.WorkspaceIndex`."""

    generation: int
    touched: list[Callable[[frozenset[str] | None], None]]

    async def ask(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A file's current text. `stamp` is the disk's size and mtime_ns, None for unsaved text.

    `open` says that an editor has it open, `unsaved` that its text there is not the disk's. Bytes that are not UTF-8
    are U+FFFD.
    """

    path: str
    text: str
    lines: tuple[str, ...]
    stamp: tuple[int, int] | None
    open: bool = False
    unsaved: bool = False


class _File(msgspec.Struct, frozen=True):
    """A file's current text, and what the index has of it."""

    text: Text | None
    known: search.Known | None = None
    references: list[str] | None = None


class Outlines:
    """The outlines of texts the index doesn't have, by path and text; the least recently used are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], tuple[Definition, ...]] = OrderedDict()

    def of(self, path: str, text: str) -> tuple[Definition, ...]:
        key = (path, hash(text))
        known = self._known.get(key)
        if known is None:
            spoken = language_of(path)
            known = () if spoken is None else parse(spoken, text.encode("utf-8", "replace")).definitions
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > OUTLINES:
            self._known.popitem(last=False)
        return known


class Reader:
    """What sources read through. Paths are relative to the workspace, with `/`."""

    def __init__(self, ask: Ask, index: Index | None, *, max_file_bytes: int, outlines: Outlines | None = None) -> None:
        self.root = ask.root.resolve()
        self.index = index
        self._max_file_bytes = max_file_bytes
        self._outlines = outlines or Outlines()
        self._documents = {
            path.relative_to(self.root).as_posix(): document.text
            for path, document in ask.documents.items()
            if path.is_relative_to(self.root)
        }
        self._files: dict[str, asyncio.Future[dict[str, _File]]] = {}

    def relative(self, named: str) -> str | None:
        """The real path of a file the person names, relative or absolute; None when it is outside the workspace."""
        return inside(self.root, named)

    def open_paths(self) -> list[str]:
        """The editor's open documents in this workspace, sorted."""
        return sorted(self._documents)

    async def text(self, path: str) -> Text | None:
        """The file's current text; None when there is none to show (missing, a folder, binary, too large)."""
        return (await self._file(path)).text

    async def outline(self, path: str) -> tuple[Definition, ...]:
        """The definitions in the file's current text: the index's where it has this text, else parsed now."""
        file = await self._file(path)
        if file.text is None or language_of(path) is None:
            return ()
        if file.known is not None and (file.known.size, file.known.mtime_ns) == file.text.stamp:
            return file.known.definitions
        return await asyncio.to_thread(self._outlines.of, path, file.text.text)

    async def references(self, path: str) -> list[str]:
        """The names the file uses; of unsaved or unindexed text every word of it."""
        file = await self._file(path)
        spoken = language_of(path)
        if file.text is None or spoken is None:
            return []
        if file.references is not None and not file.text.unsaved:
            return file.references
        return list(dict.fromkeys(word(spoken).findall(file.text.text)))

    def expect(self, paths: Iterable[str]) -> None:
        """Read these files at once, in the background: each trip to a thread costs as much as a file."""
        new = [path for path in dict.fromkeys(paths) if path not in self._files]
        if not new:
            return
        task = asyncio.ensure_future(self._load(new))
        for path in new:
            self._files[path] = task

    async def _file(self, path: str) -> "_File":
        self.expect([path])
        return (await asyncio.shield(self._files[path]))[path]

    async def _load(self, paths: Sequence[str]) -> dict[str, "_File"]:
        if self.index is None:
            return await asyncio.to_thread(self._read_all, None, paths)
        return await self.index.ask(self._read_all, paths)

    def _read_all(self, db: sqlite3.Connection | None, paths: Sequence[str]) -> dict[str, "_File"]:
        result: dict[str, _File] = {}
        for path in paths:
            text = self._read(path)
            if text is None or db is None or language_of(path) is None:
                result[path] = _File(text)
            else:
                result[path] = _File(text, search.known(db, path), search.references(db, path))
        return result

    async def ask(
        self,
        otherwise: T,
        question: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """A question to the index; `otherwise` where there is none."""
        return otherwise if self.index is None else await self.index.ask(question, *args, **kwargs)

    def _read(self, path: str) -> Text | None:
        """In a thread: what the disk has, unless the editor has it open."""
        unsaved = self._documents.get(path)
        inside = (self.root / path).resolve().is_relative_to(self.root)
        content = read(self.root, path, self._max_file_bytes) if inside else None
        saved = None if content is None else content.decode("utf-8", "replace")
        text = saved if unsaved is None else unsaved
        if text is None or not inside:
            return None
        try:
            seen = (self.root / path).stat()
            stamp = (seen.st_size, seen.st_mtime_ns)
        except OSError:
            stamp = None
        return Text(
            path=path,
            text=text,
            lines=tuple(split(text)),
            stamp=stamp if text == saved else None,
            open=unsaved is not None,
            unsaved=unsaved is not None and unsaved != saved,
        )
