"""What was accepted into an editor's own documents, so that any client may have it taken back there.

Changes on disk are in the undo journal (`aid.apply`); these were never on disk. A record is a part of a proposal as it
was accepted at one go; its half on disk, if it has one, is named by its journal id. All of it blocks.
"""

from pathlib import Path
from typing import Literal

import msgspec

from aid.errors import UsageError
from aid.protocol import OutcomeResult
from aid.session.store import Store
from ces.change import FileChange

KEPT = 100
State = Literal["applied", "undone"]


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """`changes` are the editor's half, forwards; `on_disk` is the journal's id of the other. `at`: since the epoch.

    `by` is the request that last turned it, as `aid.session.identity` names it, and `outcome` what that was answered.
    """

    id: str
    at: float
    state: State
    changes: tuple[FileChange, ...]
    on_disk: str | None = None
    by: str = ""
    outcome: OutcomeResult | None = None


class InEditor:
    """By workspace and the id that an acceptance was given."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, workspace: Path, edited: Edited) -> None:
        """Write or replace; the oldest go, past `KEPT` of the workspace."""
        with self._store.work() as db:
            values = (edited.id, str(workspace), edited.at, edited.state, msgspec.msgpack.encode(edited))
            db.execute(
                "INSERT OR REPLACE INTO edited (id, workspace, at, state, edited) VALUES (?, ?, ?, ?, ?)", values
            )
            newest = "SELECT id FROM edited WHERE workspace = ? ORDER BY at DESC LIMIT ?"
            kept = (str(workspace), str(workspace), KEPT)
            db.execute(f"DELETE FROM edited WHERE workspace = ? AND id NOT IN ({newest})", kept)

    def turned_by(self, workspace: Path, request: str) -> OutcomeResult | None:
        """What a request was answered that turned the record last turned; None where it turned none."""
        statement = "SELECT edited FROM edited WHERE workspace = ? ORDER BY at DESC LIMIT 1"
        with self._store.work() as db:
            row = db.execute(statement, (str(workspace),)).fetchone()
        found = msgspec.msgpack.decode(row[0], type=Edited) if row else None
        return found.outcome if found is not None and request and found.by == request else None

    def find(self, workspace: Path, id_: str | None, state: State) -> Edited | None:
        """The record `id_`, or the last one in `state`; None where there is none. Raises UsageError where `id_` is in
        the other state."""
        statement = "SELECT edited FROM edited WHERE workspace = ? AND "
        statement += "id = ?" if id_ else "state = ? ORDER BY at DESC LIMIT 1"
        with self._store.work() as db:
            row = db.execute(statement, (str(workspace), id_ or state)).fetchone()
        found = msgspec.msgpack.decode(row[0], type=Edited) if row else None
        if found is not None and found.state != state:
            raise UsageError(f"{found.id} is {found.state} already")
        return found
