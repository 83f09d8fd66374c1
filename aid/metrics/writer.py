"""One thread that writes to the database, fed by a queue: who records something never waits, and never fails.

A full disk or a locked database loses what was to be written, and says so in one line of the log for each loss.
"""

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

QUEUED_AT_MOST = 10_000
CLOSE_S = 10.0
Job = Callable[["Database"], None]


class Writer:
    """`put` from any thread. The thread and the database begin with the first job.

    A job waits `busy_s` for another process that holds the database.
    """

    def __init__(self, path: Path, busy_s: float = 5.0) -> None:
        self._path = path
        self._busy_s = busy_s
        self._jobs: queue.Queue[tuple[str, Job] | threading.Event | None] = queue.Queue(QUEUED_AT_MOST)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, what: str, job: Job) -> None:
        """Do `job`, in its own transaction, some time soon. `what` names it in the log if it can't be done."""
        if self._closed:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="aid-metrics", daemon=True)
                self._thread.start()
        try:
            self._jobs.put_nowait((what, job))
        except queue.Full:
            log.warning("metrics: %s is lost: %d others wait to be written", what, QUEUED_AT_MOST)

    def flush(self) -> None:
        """Wait until all that was put so far is written or lost. Blocks: not for an event loop."""
        if self._thread is not None and not self._closed:
            done = threading.Event()
            self._jobs.put(done)
            done.wait()

    def close(self) -> None:
        """Write what is left, for at most CLOSE_S. Blocks; nothing is taken on afterwards."""
        if self._closed or self._thread is None:
            self._closed = True
            return
        self._closed = True
        with contextlib.suppress(queue.Full):
            self._jobs.put(None, timeout=CLOSE_S)
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("metrics: about %d records are lost: %s is too slow", self._jobs.qsize(), self._path)

    def _run(self) -> None:
        db: Database | None = None
        while (item := self._jobs.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
            else:
                db = self._do(item[0], item[1], db)
        if db is not None:
            db.close()

    def _do(self, what: str, job: Job, db: "Database | None") -> "Database | None":
        """The database for the next job; None to open it anew."""
        try:
            db = db or self._open()
            with db.atomic():
                job(db)
            return db
        except (sqlite3.Error, OSError) as error:
            log.warning("metrics: %s is lost: %s: %s", what, self._path, error)
        except Exception:
            # The one guard of this thread: a faulty record must not end all recording.
            log.exception("metrics: %s is lost", what)
        if db is not None:
            db.close()
        return None

    def _open(self) -> "Database":
        # Imported only here: a fifth of a second, which no request should wait for.
        from aid.metrics import schema

        return schema.opened(self._path, self._busy_s)
