"""The metrics database: opening it, and its schema as migrations, named functions in order that are never changed.

SQLite in WAL mode, so that a reader (`aid stats`) and a writer (the daemon) don't wait for each other.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlite_utils import Database, Migrations

BUSY_S = 5.0
migrations = Migrations("aid.metrics")


@migrations()
def m001_requests(db: Database) -> None:
    db.execute("""
        CREATE TABLE requests (
            id TEXT PRIMARY KEY,
            at REAL NOT NULL,
            workspace TEXT NOT NULL,
            model TEXT NOT NULL,
            backend TEXT NOT NULL DEFAULT '',
            variant TEXT NOT NULL DEFAULT '',
            experiment TEXT NOT NULL DEFAULT '',
            arm TEXT NOT NULL DEFAULT '',
            format TEXT,
            sources TEXT NOT NULL DEFAULT '[]',
            context_tokens INTEGER,
            queue_ms REAL, context_ms REAL, first_token_ms REAL, model_ms REAL, verify_ms REAL, total_ms REAL,
            prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER,
            well_formed INTEGER, applied_cleanly INTEGER,
            verdict TEXT, stage TEXT,
            candidates INTEGER NOT NULL DEFAULT 0,
            lines_added INTEGER, lines_removed INTEGER, files INTEGER,
            error TEXT,
            root TEXT, prompt TEXT, reply TEXT, diff TEXT
        )""")
    db.execute("CREATE INDEX requests_at ON requests (at)")


@migrations()
def m002_outcomes(db: Database) -> None:
    """`applied` is the id an applied change set is undone by."""
    db.execute("""
        CREATE TABLE outcomes (
            id INTEGER PRIMARY KEY,
            request TEXT NOT NULL,
            at REAL NOT NULL,
            state TEXT NOT NULL,
            applied TEXT
        )""")
    db.execute("CREATE INDEX outcomes_request ON outcomes (request)")
    db.execute("CREATE INDEX outcomes_applied ON outcomes (applied)")


@migrations()
def m003_survival(db: Database) -> None:
    """`watched` holds what is still to be measured, as hashes of lines; a row goes when its last time has come."""
    db.execute("""
        CREATE TABLE survival (
            request TEXT NOT NULL,
            applied TEXT NOT NULL,
            after_s REAL NOT NULL,
            at REAL NOT NULL,
            fraction REAL NOT NULL,
            PRIMARY KEY (applied, after_s)
        )""")
    db.execute("CREATE INDEX survival_request ON survival (request)")
    db.execute("""
        CREATE TABLE watched (
            applied TEXT PRIMARY KEY,
            request TEXT NOT NULL,
            at REAL NOT NULL,
            root TEXT NOT NULL,
            lines TEXT NOT NULL
        )""")


@migrations()
def m004_failures_judge_no_reply(db: Database) -> None:
    """A server's failure was written down as a malformed reply."""
    db.execute("UPDATE requests SET well_formed = NULL, applied_cleanly = NULL WHERE error = 'ModelError'")


@migrations()
def m005_decisions(db: Database) -> None:
    """Of the hunks that a request proposed, how many are accepted by now and how many rejected. `reason` is what the
    person said of a rejection, where text is stored."""
    db.execute("ALTER TABLE outcomes ADD COLUMN reason TEXT")
    db.execute("""
        CREATE TABLE decisions (
            request TEXT PRIMARY KEY,
            at REAL NOT NULL,
            hunks INTEGER NOT NULL,
            accepted INTEGER NOT NULL,
            rejected INTEGER NOT NULL
        )""")


def opened(path: Path, busy_s: float = BUSY_S) -> Database:
    """The database at `path`, made or brought up to date. Raises sqlite3.Error or OSError.

    `busy_s` is how long a statement waits for another process that holds the database. The connection may be handed
    to another thread, and only one may use it at a time.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=busy_s, check_same_thread=False)
    try:
        db = Database(connection, execute_plugins=False)
        connection.execute("PRAGMA synchronous = NORMAL")
        if migrations.pending(db):
            _migrate(db, path)
    except BaseException:
        connection.close()
        raise
    return db


def _migrate(db: Database, path: Path) -> None:
    # Migrations looks for what is pending outside of its transactions: two processes must not do so at once.
    with os.fdopen(os.open(path.with_name(path.name + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        db.enable_wal()
        migrations.apply(db)
