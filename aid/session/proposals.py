"""Proposals that were shown and may still be accepted, kept for the person and for the next daemon."""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from aid.config import SessionSettings
from aid.errors import AidError, UsageError
from aid.protocol import OutcomeResult, Proposal
from aid.session.store import Store
from ces.change import FileChange

Hunks = dict[str, tuple[int, ...]]

DAY_S = 86400.0
_ID = re.compile(r"[0-9a-z]{6,32}")
_WAITING = ("open", "partly")
_PUT = """
    INSERT INTO proposals (id, workspace, at, state, shown, done) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, shown = excluded.shown, done = excluded.done"""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal with what it does. `accepted`: the hunks of each file (by its path) that were accepted already,
    `rejected` those that were turned down; a file without hunks counts as hunk 0.

    `steps`: which of the accepted each change set brought, by the id it is undone by. `by` names the request that
    changed its state last, where that may be asked again, and `outcome` is its answer.
    """

    proposal: Proposal
    changes: tuple[FileChange, ...]
    accepted: Hunks = {}
    rejected: Hunks = {}
    steps: dict[str, Hunks] = {}
    by: str = ""
    outcome: OutcomeResult | None = None


class _Done(msgspec.Struct, frozen=True, array_like=True):
    """The part of a `Stored` that people don't see."""

    changes: tuple[FileChange, ...]
    accepted: Hunks = {}
    steps: dict[str, Hunks] = {}
    by: str = ""
    outcome: OutcomeResult | None = None
    rejected: Hunks = {}


class Proposals:
    """A proposal's id names its workspace too, so a client need not. All of it blocks."""

    def __init__(self, store: Store, settings: SessionSettings | None = None) -> None:
        self._store = store
        self._settings = settings or SessionSettings()

    def put(self, *stored: Stored) -> None:
        """Write or replace, all or none; the oldest go, past what is to be kept."""
        with self._store.work() as db:
            db.executemany(_PUT, map(_row, stored))
            newest = "SELECT id FROM proposals ORDER BY at DESC, rowid DESC LIMIT ?"
            db.execute(f"DELETE FROM proposals WHERE id NOT IN ({newest})", (self._settings.proposals,))

    def forget_old(self, now: float) -> None:
        """`now` in seconds since the epoch."""
        with self._store.work() as db:
            db.execute("DELETE FROM proposals WHERE at < ?", (now - self._settings.keep_days * DAY_S,))

    def get(self, proposal_id: str) -> Stored:
        """Raises UsageError for an id that is none or is no longer kept."""
        with self._store.work() as db:
            return self._read(db, proposal_id)

    def of(self, applied: str) -> Stored | None:
        """The one, where it is still kept, that the change set `applied` is of."""
        with contextlib.suppress(UsageError):
            return self.get(_named(applied))
        return None

    def turn(self, applied: str, turned: Callable[[Stored, str], Stored]) -> Stored | None:
        """`of` a change set that was undone or redone, once it shows that: `turned` says how (`aid.session.steps`).

        At one go: the command line turns change sets without the daemon.
        """
        with self._store.work() as db, contextlib.suppress(UsageError):
            db.execute("BEGIN IMMEDIATE")
            stored = turned(self._read(db, _named(applied)), applied)
            db.execute(_PUT, _row(stored))
            return stored
        return None

    def kept(self, ids: Iterable[str]) -> dict[str, Proposal]:
        """Those of `ids` that still are."""
        found = {}
        for each in ids:
            with contextlib.suppress(UsageError):
                found[each] = self.get(each).proposal
        return found

    def meant(self, proposal_id: str | None, workspace: str | None) -> Stored:
        """The one with that id, else the newest of `workspace` that may be accepted. Raises UsageError for none."""
        if proposal_id is not None:
            return self.get(proposal_id)
        if workspace is None:
            raise UsageError("no proposal is named: give its `id`, or a `workspace` for its newest one")
        waiting = self.waiting(Path(workspace).resolve())
        if not waiting:
            raise UsageError("there is no open proposal: ask for one")
        return self.get(waiting[0].id)

    def waiting(self, workspace: Path) -> list[Proposal]:
        """Those of `workspace` with something left to decide, the newest first. What can't be read is passed over."""
        statement = "SELECT shown FROM proposals WHERE workspace = ? AND state IN (?, ?) ORDER BY at DESC, rowid DESC"
        with self._store.work() as db:
            rows = db.execute(statement, (str(workspace), *_WAITING)).fetchall()
        found = []
        for (shown,) in rows:
            with contextlib.suppress(msgspec.MsgspecError):
                found.append(msgspec.json.decode(shown, type=Proposal))
        return [each for each in found if any(file.state in ("open", "partly") for file in each.files)]

    def _read(self, db: sqlite3.Connection, proposal_id: str) -> Stored:
        if not _ID.fullmatch(proposal_id):
            raise UsageError(f"{proposal_id!r} is no proposal's id: ids are printed with each proposal")
        found = db.execute("SELECT shown, done FROM proposals WHERE id = ?", (proposal_id,)).fetchone()
        if found is None:
            raise UsageError(f"proposal {proposal_id} is not kept (any more): ask again")
        try:
            done = msgspec.msgpack.decode(found[1], type=_Done)
            shown = msgspec.json.decode(found[0], type=Proposal)
        except msgspec.MsgspecError as error:
            raise AidError(f"proposal {proposal_id} can't be read from {self._store.path}: {error}") from error
        return Stored(
            proposal=shown,
            changes=done.changes,
            accepted=done.accepted,
            rejected=done.rejected,
            steps=done.steps,
            by=done.by,
            outcome=done.outcome,
        )


def _named(applied: str) -> str:
    """The id of the proposal that a change set is of, if it is of one: there a number may stand after it."""
    return re.split("[-.]", applied)[0]


def _row(stored: Stored) -> tuple[object, ...]:
    proposal = stored.proposal
    fields = (stored.changes, stored.accepted, stored.steps, stored.by, stored.outcome, stored.rejected)
    done = msgspec.msgpack.encode(_Done(*fields))
    return (proposal.id, proposal.workspace, proposal.at, proposal.state, msgspec.json.encode(proposal), done)
