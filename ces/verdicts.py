"""Verdicts that were reached before, on disk: one tree state has one verdict.

A SQLite file that several processes may share. Only what the change itself is to blame or to praise for is kept: green,
red and hack, never a timeout or a failure of the machine. A file that can't be read or written costs only the memory.
"""

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import msgspec

from ces.verdict import Tests, Verdict

KEPT = 100_000
_LASTING = ("green", "red", "hack")
_TRIM_EVERY = 1000


class Known(msgspec.Struct, frozen=True):
    """A verdict, and the programs that ran their tests otherwise than in its base (None: no tests were come to)."""

    verdict: Verdict
    ran: Tests | None = None


class Verdicts:
    """Open one a process; methods may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._puts = 0
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=5.0)
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            self._database.execute(
                "create table if not exists verdicts (key text primary key, verdict blob not null, at real not null)"
            )

    def get(self, key: str) -> Known | None:
        try:
            with self._lock:
                row = self._database.execute("select verdict from verdicts where key = ?", (key,)).fetchone()
            return None if row is None else msgspec.msgpack.decode(row[0], type=Known)
        except (sqlite3.Error, msgspec.MsgspecError):
            return None

    def put(self, key: str, known: Known) -> None:
        """Keep a verdict, if it is one that lasts."""
        if known.verdict.status not in _LASTING:
            return
        with contextlib.suppress(sqlite3.Error), self._lock:
            row = (key, msgspec.msgpack.encode(known), time.time())
            self._database.execute("insert or replace into verdicts values (?, ?, ?)", row)
            self._puts += 1
            if self._puts % _TRIM_EVERY == 0:
                self._database.execute(
                    "delete from verdicts where key in (select key from verdicts order by at desc limit -1 offset ?)",
                    (KEPT,),
                )

    def close(self) -> None:
        with self._lock:
            self._database.close()
