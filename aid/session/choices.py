"""Which model a person has chosen to answer, for a workspace or for all, in place of the one that aid.toml names.

It lasts, over daemons, until they choose again or aid.toml names another: the newest word wins. Kept in the session
database, for aid.toml is the person's to write. All of it blocks.
"""

import logging
from pathlib import Path

from aid.config import Config
from aid.errors import AidError
from aid.session.store import Store

log = logging.getLogger(__name__)


class Choices:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, workspace: Path | None, model: str, config: Config) -> None:
        """`model` answers from now on in `workspace`, or (None) wherever nothing else was chosen."""
        with self._store.work() as db:
            values = (_key(workspace), model, config.default_model)
            db.execute("INSERT OR REPLACE INTO choices (workspace, model, instead_of) VALUES (?, ?, ?)", values)

    def default(self, workspace: Path | None, config: Config) -> str:
        """The model that answers when none is named. Where the database can't be read, the one that `config` names."""
        query = "SELECT model, instead_of FROM choices WHERE workspace IN (?, '') ORDER BY workspace DESC"
        try:
            with self._store.work() as db:
                rows: list[tuple[str, str]] = db.execute(query, (_key(workspace),)).fetchall()
        except AidError as error:
            log.warning("which model was chosen can't be said: %s", error)
            rows = []
        chosen = (model for model, instead_of in rows if instead_of == config.default_model and model in config.models)
        return next(chosen, config.default_model)


def _key(workspace: Path | None) -> str:
    return "" if workspace is None else str(workspace)
