"""What the journal keeps of one change set, and how it is written down.

A file: one line of JSON (the header), then the contents it refers to, one after another, each once. Pure.
"""

import hashlib
import re
from typing import Literal

import msgspec

from aid.protocol import ChangedFile, LogEntry
from ces.change import FileChange
from ces.tree import Attributes

VERSION = 1
State = Literal["applied", "undone"]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Damaged(Exception):
    """A journal file that is not what was written."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A file on one side of a change."""

    content: bytes
    attributes: Attributes = Attributes()


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One file's change, always as it is applied, whichever way it was last carried out.

    `old_path` as in FileChange. `skipped`: last time there was nothing to do, the file was so already.
    """

    path: str
    before: Kept | None
    after: Kept | None
    old_path: str | None = None
    skipped: bool = False
    added: int = 0
    removed: int = 0


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What carrying out a record does to one path: from `source` to `target`, None where there is no file.

    `like` is the path whose file it continues, `temporary` the staged file's name beside `path`.
    """

    path: str
    source: Kept | None
    target: Kept | None
    like: str | None
    temporary: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A change set as last carried out: forwards when `state` is "applied", backwards when "undone".

    `turn` grows with every transaction of the workspace. `made` are the directories it makes, outermost first;
    `unmade` those it removes if empty. `at` is seconds since the epoch. `token` is in its temporary files' names. `by`
    names the request that had it carried out, where that may be asked again.
    """

    id: str
    state: State
    moves: tuple[Move, ...]
    turn: int = 0
    at: float = 0.0
    token: str = ""
    made: tuple[str, ...] = ()
    unmade: tuple[str, ...] = ()
    summary: str = ""
    by: str = ""


class _Side(msgspec.Struct, frozen=True):
    """A Kept with its content's place in the header's list."""

    content: int
    attributes: Attributes


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A Move with its contents left out."""

    path: str
    before: _Side | None
    after: _Side | None
    old_path: str | None
    skipped: bool
    added: int
    removed: int


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """`contents`: sha256 and size of each, in the order in which they follow."""

    version: int
    id: str
    turn: int
    state: State
    at: float
    moves: tuple[_Line, ...]
    token: str
    made: tuple[str, ...]
    unmade: tuple[str, ...]
    summary: str
    contents: tuple[tuple[str, int], ...]
    by: str = ""


def is_id(text: str) -> bool:
    """Whether `text` can name a record: it is part of a file name."""
    return _ID.fullmatch(text) is not None


def effects(record: Record) -> list[Effect]:
    """What the record does, path by path: new files first, since they alone may still fail for want of room."""
    found: list[Effect] = []
    for number, move in enumerate(record.moves):
        if move.skipped:
            continue
        source, target = (move.before, move.after) if record.state == "applied" else (move.after, move.before)
        path, old_path = move.path, move.old_path
        if old_path is not None and record.state == "undone":
            path, old_path = old_path, path
        temporary = f".aid-{record.token}-{number}.tmp"
        if old_path is None:
            like = None if source is None else path
            found.append(Effect(path=path, source=source, target=target, like=like, temporary=temporary))
        else:
            found.append(Effect(path=path, source=None, target=target, like=old_path, temporary=temporary))
            found.append(Effect(path=old_path, source=source, target=None, like=old_path, temporary=temporary))
    return sorted(found, key=lambda each: (each.source is not None, each.target is None))


def changed_files(moves: tuple[Move, ...] | tuple[_Line, ...], *, backwards: bool = False) -> tuple[ChangedFile, ...]:
    """What the moves do, or what taking them back does, for a person to read."""
    return tuple(_changed_file(move, backwards) for move in moves)


def encode(record: Record) -> list[bytes]:
    """The record's file, in pieces."""
    contents: dict[bytes, int] = {}

    def side(kept: Kept | None) -> _Side | None:
        return None if kept is None else _Side(contents.setdefault(kept.content, len(contents)), kept.attributes)

    lines = tuple(
        _Line(
            path=move.path,
            before=side(move.before),
            after=side(move.after),
            old_path=move.old_path,
            skipped=move.skipped,
            added=move.added,
            removed=move.removed,
        )
        for move in record.moves
    )
    header = _Header(
        version=VERSION,
        id=record.id,
        turn=record.turn,
        state=record.state,
        at=record.at,
        moves=lines,
        token=record.token,
        made=record.made,
        unmade=record.unmade,
        summary=record.summary,
        contents=tuple((hashlib.sha256(content).hexdigest(), len(content)) for content in contents),
        by=record.by,
    )
    return [msgspec.json.encode(header), b"\n", *contents]


def decode(raw: bytes) -> Record:
    """The record in a file's bytes. Raises Damaged, also when only a content is not what was written."""
    line, _, rest = raw.partition(b"\n")
    header = _header(line)
    contents, at = [], 0
    for digest, size in header.contents:
        content = rest[at : at + size]
        if hashlib.sha256(content).hexdigest() != digest:
            raise Damaged("a content doesn't match its hash")
        contents.append(content)
        at += size

    def kept(side: _Side | None) -> Kept | None:
        return None if side is None else Kept(content=contents[side.content], attributes=side.attributes)

    moves = tuple(
        Move(
            path=line.path,
            before=kept(line.before),
            after=kept(line.after),
            old_path=line.old_path,
            skipped=line.skipped,
            added=line.added,
            removed=line.removed,
        )
        for line in header.moves
    )
    return Record(
        id=header.id,
        turn=header.turn,
        state=header.state,
        at=header.at,
        moves=moves,
        token=header.token,
        made=header.made,
        unmade=header.unmade,
        summary=header.summary,
        by=header.by,
    )


def decode_entry(line: bytes) -> LogEntry:
    """What the log shows of a record, from its file's first line alone. Raises Damaged."""
    header = _header(line)
    files = changed_files(header.moves)
    return LogEntry(id=header.id, at=header.at, state=header.state, files=files, summary=header.summary)


def decode_by(line: bytes) -> str:
    """Which request had a record carried out, from its file's first line alone. Raises Damaged."""
    return _header(line).by


def _header(line: bytes) -> _Header:
    try:
        header = msgspec.json.decode(line, type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(f"its first line is not a header: {error}") from error
    if header.version != VERSION:
        raise Damaged(f"it is of version {header.version}, this AID reads version {VERSION}")
    return header


def _changed_file(move: Move | _Line, backwards: bool) -> ChangedFile:
    before, after, path, old_path = move.before, move.after, move.path, move.old_path
    added, removed = move.added, move.removed
    if backwards:
        before, after, added, removed = after, before, removed, added
        if old_path is not None:
            path, old_path = old_path, path
    change = FileChange(
        path=path, old_path=old_path, before=None if before is None else b"", after=None if after is None else b""
    )
    return ChangedFile(path=path, status=change.status, old_path=old_path, added=added, removed=removed)
