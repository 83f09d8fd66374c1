"""Edits that an editor was asked for, by requests that may come again: written down before they are made.

The editor may have made them though the daemon that asked never heard of it. By then its text is no longer what they
were made from, so nothing else would say what they were. All of it blocks.
"""

import time
from collections.abc import Sequence

import msgspec

from aid.session.store import Store
from ces.change import FileChange

KEPT_S = 86400.0  # as long as a request may come again (`aid.session.kept`)
_CHANGES = msgspec.msgpack.Decoder(tuple[FileChange, ...])


class Begun:
    """By the request's name (`aid.session.identity`); one edit a request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, request: str, changes: Sequence[FileChange]) -> None:
        now = time.time()
        with self._store.work() as db:
            db.execute("DELETE FROM begun WHERE at < ?", (now - KEPT_S,))
            values = (request, now, msgspec.msgpack.encode(changes))
            db.execute("INSERT OR REPLACE INTO begun (request, at, changes) VALUES (?, ?, ?)", values)

    def of(self, request: str) -> dict[str, FileChange]:
        """By path; nothing for a request that asked for no edit."""
        with self._store.work() as db:
            row = db.execute("SELECT changes FROM begun WHERE request = ?", (request,)).fetchone()
        return {change.path: change for change in _CHANGES.decode(row[0])} if row else {}

    def forget(self, request: str) -> None:
        """What came of it is written down."""
        with self._store.work() as db:
            db.execute("DELETE FROM begun WHERE request = ?", (request,))
