"""What must outlive the daemon of requests under way: answers until they are delivered, models' replies until then.

One SQLite file, written by a thread of its own: who keeps something never waits. What is killed a moment after it kept
something loses at most that moment. A full disk loses all of it, which costs asking again and nothing else.

A request is known by its `key`: the bridge's session and the id that the editor gave it.
"""

import contextlib
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from aid import paths

log = logging.getLogger(__name__)

KEPT_S = 86400.0  # a session that hasn't come back in a day won't
KEPT_ROWS = 4096  # of each table: four bridges with as many requests as one may have
LARGEST_BYTES = 8 * 1024 * 1024
CLOSE_S = 5.0
_LOOK_S = 0.1
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, session TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS answers_session ON answers (session);
    CREATE TABLE IF NOT EXISTS replies (
        key TEXT NOT NULL, session TEXT NOT NULL, slot TEXT NOT NULL, at REAL NOT NULL, chunks BLOB NOT NULL,
        PRIMARY KEY (key, slot));
    CREATE INDEX IF NOT EXISTS replies_session ON replies (session);
"""
_Statement = tuple[str, tuple[Any, ...]]


class Key(msgspec.Struct, frozen=True):
    """A request of a session. Ids 1 and "1" are two."""

    session: str
    id: int | str

    def __str__(self) -> str:
        return f"{self.session}:{self.id!r}"


class Kept:
    """`path` None: the user's own. Nothing is opened before something is kept or asked for."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[_Statement | threading.Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def answer(self, key: Key, body: bytes) -> None:
        """Keep the answer to a request. What its models replied isn't needed any more."""
        if len(body) <= LARGEST_BYTES:
            row = (str(key), key.session, time.time(), body)
            self._put("INSERT OR REPLACE INTO answers (key, session, at, body) VALUES (?, ?, ?, ?)", row)
            self._put("DELETE FROM replies WHERE key = ?", (str(key),))

    def reply(self, key: Key, slot: str, chunks: bytes) -> None:
        """Keep a whole reply of a model; `slot` says which of the request's."""
        if len(chunks) <= LARGEST_BYTES:
            row = (str(key), key.session, slot, time.time(), chunks)
            self._put("INSERT OR REPLACE INTO replies (key, session, slot, at, chunks) VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, keys: Iterable[Key]) -> None:
        """Their answers are delivered."""
        for key in keys:
            self._put("DELETE FROM answers WHERE key = ?", (str(key),))
            self._put("DELETE FROM replies WHERE key = ?", (str(key),))

    def forget_session(self, session: str) -> None:
        """Its editor has left."""
        self._put("DELETE FROM answers WHERE session = ?", (session,))
        self._put("DELETE FROM replies WHERE session = ?", (session,))

    def attached(self, session: str, again: Iterable[int | str]) -> dict[int | str, bytes]:
        """The answers kept of those of a session's requests that it asks again; all others it has. Blocks."""
        wanted = {str(Key(session, each)): each for each in again}
        self.flush()
        found: dict[int | str, bytes] = {}
        for key, body in self._read("SELECT key, body FROM answers WHERE session = ?", session, tidy=True):
            if key in wanted:
                found[wanted[key]] = body
            else:
                self._put("DELETE FROM answers WHERE key = ?", (key,))
        for (key,) in self._read("SELECT DISTINCT key FROM replies WHERE session = ?", session):
            if key not in wanted:
                self._put("DELETE FROM replies WHERE key = ?", (key,))
        return found

    def replies(self, key: Key) -> dict[str, bytes]:
        """What models replied to a request, by slot. Blocks."""
        self.flush()
        return dict(self._read("SELECT slot, chunks FROM replies WHERE key = ?", str(key)))

    def flush(self) -> None:
        """Wait until all that was put so far is written. Blocks."""
        writer = self._thread
        if writer is None:
            return
        done = threading.Event()
        self._queue.put(done)
        deadline = time.monotonic() + CLOSE_S
        # It may have ended a moment before it could see this.
        while not done.wait(_LOOK_S) and writer.is_alive() and time.monotonic() < deadline:
            continue

    def close(self) -> None:
        """Write what is left. Blocks."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(CLOSE_S)
            self._thread = None

    def _put(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="aid-kept", daemon=True)
                self._thread.start()
        self._queue.put((statement, values))

    def _write(self) -> None:
        """The thread: all that waits goes into one transaction."""
        connection: sqlite3.Connection | None = None
        while (first := self._queue.get()) is not None:
            batch, ended = [first], False
            with contextlib.suppress(queue.Empty):
                while not ended:
                    item = self._queue.get_nowait()
                    ended = item is None
                    if item is not None:
                        batch.append(item)
            try:
                connection = connection or self._opened()
                with connection:
                    for statement in batch:
                        if isinstance(statement, tuple):
                            connection.execute(*statement)
            except (sqlite3.Error, OSError) as error:
                log.warning("kept: %d records are lost: %s", len(batch), error)
            for event in batch:
                if isinstance(event, threading.Event):
                    event.set()
            if ended:
                break
        if connection is not None:
            connection.close()

    def _read(self, query: str, value: str, *, tidy: bool = False) -> list[Any]:
        """The rows; none where the file can't be read: what is not remembered is done anew.

        `tidy`: without what is too old or too much. That writes, and must wait for whoever else does.
        """
        if not self._file().exists():
            return []
        try:
            opened = self._opened() if tidy else sqlite3.connect(self._file(), timeout=CLOSE_S)
            with contextlib.closing(opened) as connection:
                return connection.execute(query, (value,)).fetchall()
        except (sqlite3.Error, OSError) as error:
            log.warning("kept: can't be read: %s", error)
            return []

    def _opened(self) -> sqlite3.Connection:
        path = self._file()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=CLOSE_S)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")  # these are the person's words
        connection.executescript(_SCHEMA)
        for table in ("answers", "replies"):
            connection.execute(f"DELETE FROM {table} WHERE at < ?", (time.time() - KEPT_S,))
            newest = f"SELECT rowid FROM {table} ORDER BY at DESC LIMIT {KEPT_ROWS}"
            connection.execute(f"DELETE FROM {table} WHERE rowid NOT IN ({newest})")
        connection.commit()
        return connection

    def _file(self) -> Path:
        return self._path or paths.state_dir() / "requests.db"
