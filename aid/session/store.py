"""The session database: what the next daemon must still know of this one's proposals, chats and choices.

SQLite in WAL mode, in the user's state directory, readable by the user alone, for it holds their words and their code;
what is deleted is overwritten. A killed process loses nothing that was put. Everything here blocks: the daemon calls it
in a thread.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from aid import paths
from aid.errors import AidError

FILE_NAME = "sessions.db"
BUSY_S = 5.0


def m001_proposals_and_turns(db: sqlite3.Connection) -> None:
    """`shown` and `turn` are JSON of the wire's structs; `done` is what a proposal does, in msgpack."""
    db.execute("""
        CREATE TABLE proposals (
            id TEXT PRIMARY KEY,
            workspace TEXT NOT NULL,
            at REAL NOT NULL,
            state TEXT NOT NULL,
            shown BLOB NOT NULL,
            done BLOB NOT NULL
        )""")
    db.execute("CREATE INDEX proposals_at ON proposals (at)")
    db.execute("""
        CREATE TABLE turns (
            id INTEGER PRIMARY KEY,
            workspace TEXT NOT NULL,
            chat TEXT NOT NULL,
            at REAL NOT NULL,
            turn BLOB NOT NULL
        )""")
    db.execute("CREATE INDEX turns_chat ON turns (workspace, chat)")


def m002_edited(db: sqlite3.Connection) -> None:
    """What was accepted into editors (`aid.session.in_editor`); `edited` is its record in msgpack."""
    db.execute("""
        CREATE TABLE edited (
            id TEXT PRIMARY KEY,
            workspace TEXT NOT NULL,
            at REAL NOT NULL,
            state TEXT NOT NULL,
            edited BLOB NOT NULL
        )""")
    db.execute("CREATE INDEX edited_at ON edited (workspace, at)")


def m003_choices(db: sqlite3.Connection) -> None:
    """Which model was chosen (`aid.session.choices`) when aid.toml named `instead_of`; `workspace` '': for all."""
    db.execute("""
        CREATE TABLE choices (
            workspace TEXT PRIMARY KEY,
            model TEXT NOT NULL,
            instead_of TEXT NOT NULL
        )""")


def m004_begun(db: sqlite3.Connection) -> None:
    """Edits that editors were asked for (`aid.session.begun`); `changes` in msgpack."""
    db.execute("CREATE TABLE begun (request TEXT PRIMARY KEY, at REAL NOT NULL, changes BLOB NOT NULL)")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    m001_proposals_and_turns,
    m002_edited,
    m003_choices,
    m004_begun,
)


class Store:
    """One connection, for whichever thread has work for it. It is opened, and made, with the first."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._db: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        return self._path or paths.state_dir() / FILE_NAME

    @contextlib.contextmanager
    def work(self) -> Iterator[sqlite3.Connection]:
        """A transaction. Raises AidError where the database can't be used."""
        with self._turn:
            try:
                if self._db is None:
                    self._db = _opened(self.path)
                with self._db:
                    yield self._db
            except (sqlite3.Error, OSError) as error:
                raise AidError(f"can't use {self.path} ({error}): move it away to begin anew") from error

    def close(self) -> None:
        with self._turn:
            if self._db is not None:
                self._db.close()
            self._db = None


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    db = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with db:
        db.execute("BEGIN EXCLUSIVE")  # another process may be at it
        done = db.execute("PRAGMA user_version").fetchone()[0]
        for migration in MIGRATIONS[done:]:
            migration(db)
        db.execute(f"PRAGMA user_version = {max(done, len(MIGRATIONS))}")
