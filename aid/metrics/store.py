"""The metrics of one daemon: what is recorded goes to the database behind its back, what is asked comes from it.

`record` and its like never wait, never fail and do nothing where metrics are switched off. `stats` and `watched`
read; they block, and belong in a thread.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aid import paths
from aid.config import MetricsSettings
from aid.errors import UsageError
from aid.metrics.record import Outcome, Request, row, workspace_hash
from aid.metrics.stats import Choice, compute
from aid.metrics.survival import Lines
from aid.metrics.writer import Writer

if TYPE_CHECKING:
    from sqlite_utils import Database

FILE_NAME = "aid.db"


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """An applied change set whose lines are looked for later. `at` is when it was applied, since the epoch."""

    applied: str
    request: str
    at: float
    root: Path
    lines: Lines


class Metrics:
    """`path` None: the user's own database. `clock` is seconds since the epoch."""

    def __init__(self, path: Path | None, settings: MetricsSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path or paths.state_dir() / FILE_NAME
        self.clock = clock
        self._settings = settings
        self._writer = Writer(self.path)

    def record(self, request: Request) -> None:
        """Keep a request; a later record with the same id stands in its place."""
        values = row(request, self.clock(), store_text=self._settings.store_text)
        self._put(f"request {request.id}", lambda db: _insert(db, "requests", values))

    def outcome(
        self,
        request: str,
        state: Outcome,
        *,
        applied: str | None = None,
        reason: str = "",
        at: float | None = None,
    ) -> None:
        """What the person did with the request's proposal; `applied` is the id it can be undone by. `reason`, why, is
        dropped unless `store_text`."""
        values = {"request": request, "at": self.clock() if at is None else at, "state": state, "applied": applied}
        values["reason"] = (self._settings.store_text and reason) or None
        self._put(f"outcome of {request}", lambda db: _insert(db, "outcomes", values))

    def decided(self, request: str, hunks: int, accepted: int, rejected: int) -> None:
        """How many of the hunks that the request proposed are accepted by now, and how many rejected."""
        counts = {"hunks": hunks, "accepted": accepted, "rejected": rejected}
        values = {"request": request, "at": self.clock(), **counts}
        self._put(f"decisions of {request}", lambda db: _insert(db, "decisions", values))

    def undone(self, applied: str, *, at: float | None = None) -> None:
        """What was applied as `applied` was taken back. Nothing, where no request made it."""
        self._turned(applied, "'undone'", at)

    def redone(self, applied: str, *, at: float | None = None) -> None:
        """What was undone is there again: the outcome is what it was at first."""
        self._turned(applied, "state", at)

    def watch(self, watched: Watched) -> None:
        """Remember across restarts what is to be looked for."""
        values = {
            "applied": watched.applied,
            "request": watched.request,
            "at": watched.at,
            "root": str(watched.root),
            "lines": msgspec.json.encode(watched.lines).decode(),
        }
        self._put(f"survival of {watched.request}", lambda db: _insert(db, "watched", values))

    def survived(self, watched: Watched, after_s: float, fraction: float) -> None:
        values = {
            "request": watched.request,
            "applied": watched.applied,
            "after_s": after_s,
            "at": self.clock(),
            "fraction": fraction,
        }
        self._put(f"survival of {watched.request}", lambda db: _insert(db, "survival", values))

    def forget(self, applied: str) -> None:
        """No longer watch this."""
        self._put(f"the end of {applied}", lambda db: _run(db, "DELETE FROM watched WHERE applied = ?", (applied,)))

    def watched(self) -> list[Watched]:
        """All that was watched when the last daemon ended. Raises sqlite3.Error, OSError."""
        self.flush()
        if not self._settings.enabled or not self.path.exists():
            return []
        with _Reading(self.path) as db:
            found = list(db.query("SELECT * FROM watched ORDER BY at"))
        return [_as_watched(each) for each in found]

    def stats(self, root: Path | None = None, days: float | None = None, model: str | None = None) -> dict[str, Any]:
        """`stats.compute` over the requests of `root`'s workspace in the last `days`.

        Raises UsageError where the database can't be read.
        """
        self.flush()
        choice = Choice(
            workspace=None if root is None else workspace_hash(root),
            since=None if days is None else self.clock() - days * 86400,
            model=model,
        )
        return read_stats(self.path, choice)

    def flush(self) -> None:
        """Wait until all that was recorded is written or lost. Blocks."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is left. Blocks for as long as that takes, ten seconds at most."""
        self._writer.close()

    def _turned(self, applied: str, state: str, at: float | None) -> None:
        statement = f"""
            INSERT INTO outcomes (request, at, state, applied)
            SELECT request, ?, {state}, applied FROM outcomes WHERE applied = ? ORDER BY id LIMIT 1"""
        values = (self.clock() if at is None else at, applied)
        self._put(f"outcome of {applied}", lambda db: _run(db, statement, values))

    def _put(self, what: str, job: "Callable[[Database], None]") -> None:
        if self._settings.enabled:
            self._writer.put(what, job)


def read_stats(path: Path, choice: Choice) -> dict[str, Any]:
    """What the database at `path` says. Raises UsageError where it can't be read; none at all says nothing."""
    import sqlite3

    if not path.exists():
        return compute(None, choice)
    try:
        with _Reading(path) as db:
            return compute(db, choice)
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"can't read the metrics in {path} ({error}): move the file away to begin anew") from error


class _Reading:
    """A connection for one reading."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "Database":
        from aid.metrics import schema

        self._db = schema.opened(self._path)
        return self._db

    def __exit__(self, *raised: object) -> None:
        self._db.close()


def _insert(db: "Database", table: str, values: dict[str, Any]) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    _run(db, f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", values)


def _run(db: "Database", statement: str, values: Any) -> None:
    db.execute(statement, values)


def _as_watched(found: dict[str, Any]) -> Watched:
    return Watched(
        applied=found["applied"],
        request=found["request"],
        at=found["at"],
        root=Path(found["root"]),
        lines=msgspec.json.decode(found["lines"], type=Lines),
    )
