"""The index on disk: one SQLite file a workspace, in the cache directory. This is its schema and its writing side.

A row a file, a definition, a name; names are interned, references are pairs of ids. `aid.context.search` reads it,
other connections see what was committed so far (WAL). It may be deleted at any time.
"""

import sqlite3
import zlib
from array import array
from collections import Counter
from pathlib import Path

from aid.context.languages import LANGUAGES, language_of, query_text
from aid.context.outline import module_name, parse
from aid.context.walk import Found, is_binary, read

SCHEMA = """
CREATE TABLE files(
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, name TEXT NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, text INTEGER NOT NULL, refs BLOB);
CREATE INDEX files_name ON files(name);
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, defined INTEGER NOT NULL DEFAULT 0);
CREATE TABLE definitions(
  file INTEGER NOT NULL, name INTEGER NOT NULL, kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  depth INTEGER NOT NULL, signature TEXT NOT NULL);
CREATE INDEX definitions_file ON definitions(file);
CREATE INDEX definitions_name ON definitions(name);
CREATE TABLE uses(name INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY(name, file)) WITHOUT ROWID;
"""
MOST_NAMES = 2000  # of one file; a larger one is generated tables
MOST_DEFINITIONS = 2000
MOST_JOURNAL_BYTES = 4_000_000
BUSY_S = 10.0


def format_version() -> int:
    """Changes whenever the schema or what is put into it does; another one's file is built anew."""
    content = SCHEMA + "".join(query_text(spoken) + repr(spoken) for spoken in LANGUAGES)
    return zlib.crc32(content.encode()) & 0x7FFFFFFF


def open_index(file: Path, *, cache_kib: int = 2048) -> sqlite3.Connection:
    """A connection for the calling thread. A file that is damaged or of another format is replaced."""
    connection = _connect(file, cache_kib)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == format_version():
            return connection
    except sqlite3.DatabaseError:
        version = -1
    connection.close()
    if version != 0:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
    connection = _connect(file, cache_kib)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != format_version():
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {format_version()}")
    return connection


def _connect(file: Path, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # a cache: what a crash damages is built anew
        connection.execute(f"PRAGMA journal_size_limit = {MOST_JOURNAL_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    except sqlite3.DatabaseError:
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        return _connect_new(file)
    return connection


def _connect_new(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


class Writer:
    """Puts files into an index, in transactions (`with writer:`) of the caller's size; one at a time writes.

    `bulk` keeps every name's id in memory: for a whole workspace, not for a few files.
    """

    def __init__(self, connection: sqlite3.Connection, root: Path, *, max_file_bytes: int, bulk: bool = False) -> None:
        self._db = connection
        self._root = root
        self._max_file_bytes = max_file_bytes
        self._defined: Counter[int] = Counter()
        self._ids: dict[str, int] | None = dict(connection.execute("SELECT name, id FROM names")) if bulk else None

    def known(self) -> dict[str, tuple[int, int]]:
        """Size and mtime_ns of every file in the index, by path."""
        rows = self._db.execute("SELECT path, size, mtime_ns FROM files")
        return {path: (size, mtime_ns) for path, size, mtime_ns in rows}

    def __enter__(self) -> None:
        """Begin a transaction; leaving commits it, or takes it back where an exception ended it."""
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                changes = [(change, name) for name, change in self._defined.items() if change]
                self._db.executemany("UPDATE names SET defined = defined + ? WHERE id = ?", changes)
                self._db.execute("COMMIT")
        finally:
            self._defined.clear()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def put(self, found: Found) -> None:
        """Read a file and record it; one that is binary or too large is recorded as no text."""
        self.drop(found.path)
        name = found.path.rpartition("/")[2]
        text, content = self._content(found)
        row = (found.path, name, found.size, found.mtime_ns, int(text), None)
        file = self._db.execute(
            "INSERT INTO files(path, name, size, mtime_ns, text, refs) VALUES (?, ?, ?, ?, ?, ?)", row
        ).lastrowid
        if file is not None and content is not None:
            self._outline(file, found.path, content)

    def drop(self, path: str) -> bool:
        """Forget the file at `path`; False when it wasn't there."""
        row = self._db.execute("SELECT id, refs FROM files WHERE path = ?", (path,)).fetchone()
        if row is None:
            return False
        file, refs = row
        for (name,) in self._db.execute("SELECT name FROM definitions WHERE file = ?", (file,)):
            self._defined[name] -= 1
        self._db.execute("DELETE FROM definitions WHERE file = ?", (file,))
        names = array("I", refs or b"")
        self._db.executemany("DELETE FROM uses WHERE name = ? AND file = ?", ((name, file) for name in names))
        self._db.execute("DELETE FROM files WHERE id = ?", (file,))
        return True

    def holds(self, found: Found) -> bool:
        """Whether the index has this file as it is."""
        row = self._db.execute("SELECT size, mtime_ns FROM files WHERE path = ?", (found.path,)).fetchone()
        return bool(row == (found.size, found.mtime_ns))

    def below(self, folder: str) -> list[str]:
        """The paths recorded under `folder`."""
        bounds = (folder + "/", folder + "0")  # "0" follows "/"
        return [path for (path,) in self._db.execute("SELECT path FROM files WHERE path > ? AND path < ?", bounds)]

    def _content(self, found: Found) -> tuple[bool, bytes | None]:
        """Whether it is text, and its content where that is wanted for an outline."""
        if found.size > self._max_file_bytes:
            return False, None
        if language_of(found.path) is None:
            return not is_binary(self._root, found.path), None
        content = read(self._root, found.path, self._max_file_bytes)
        return content is not None, content

    def _outline(self, file: int, path: str, content: bytes) -> None:
        spoken = language_of(path)
        if spoken is None:
            return
        outline = parse(spoken, content)
        rows = [
            (file, self._name(one.name), one.kind, one.first, one.last, one.depth, one.signature)
            for one in outline.definitions[:MOST_DEFINITIONS]
        ]
        module = module_name(path)
        if module:
            rows.append((file, self._name(module), "file", 0, content.count(b"\n") + 1, 0, path))
        self._db.executemany("INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._defined.update(row[1] for row in rows)
        names = array("I", [self._name(name) for name in list(outline.references)[:MOST_NAMES]])
        self._db.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", ((name, file) for name in names))
        self._db.execute("UPDATE files SET refs = ? WHERE id = ?", (names.tobytes(), file))

    def _name(self, name: str) -> int:
        if self._ids is not None and (known := self._ids.get(name)) is not None:
            return known
        self._db.execute("INSERT OR IGNORE INTO names(name) VALUES (?)", (name,))
        (number,) = self._db.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
        if self._ids is not None:
            self._ids[name] = number
        return int(number)
