"""The workspaces' conversations: what was asked and answered, so that a chat's next turn, an editor that was reloaded
and the next daemon know of it."""

from pathlib import Path

import msgspec

from aid.config import SessionSettings
from aid.models.backend import Message
from aid.protocol import ChatEntry, ChatTurn
from aid.session.store import Store

DAY_S = 86400.0
REMEMBERED_TURNS = 20
KEPT_TURNS = 500
TITLE_CHARACTERS = 80


class Chats:
    """By workspace and the name a client gives them. All of it blocks."""

    def __init__(self, store: Store, settings: SessionSettings | None = None) -> None:
        self._store = store
        self._settings = settings or SessionSettings()

    def history(self, workspace: Path, chat: str | None) -> tuple[Message, ...]:
        """A chat's last turns, as a model is told of them."""
        turns = self.turns(workspace, chat, REMEMBERED_TURNS) if chat else ()
        told = ((Message("user", each.prompt), Message("assistant", each.text)) for each in turns if each.text)
        return tuple(message for pair in told for message in pair)

    def turns(self, workspace: Path, chat: str, last: int = -1) -> tuple[ChatTurn, ...]:
        """The `last` ones (-1: all), in order."""
        statement = "SELECT turn FROM turns WHERE workspace = ? AND chat = ? ORDER BY id DESC LIMIT ?"
        with self._store.work() as db:
            rows = db.execute(statement, (str(workspace), chat, last)).fetchall()
        return tuple(msgspec.json.decode(turn, type=ChatTurn) for (turn,) in reversed(rows))

    def remember(self, workspace: Path, chat: str, turn: ChatTurn) -> None:
        """Add a turn; its oldest turns and the chats longest silent go, past what is to be kept."""
        with self._store.work() as db:
            values = (str(workspace), chat, turn.at, msgspec.json.encode(turn))
            db.execute("INSERT INTO turns (workspace, chat, at, turn) VALUES (?, ?, ?, ?)", values)
            own = "SELECT id FROM turns WHERE workspace = ? AND chat = ?"
            db.execute(
                f"DELETE FROM turns WHERE id IN ({own} ORDER BY id DESC LIMIT -1 OFFSET ?)", (*values[:2], KEPT_TURNS)
            )
            spoken = "SELECT max(id) FROM turns GROUP BY workspace, chat ORDER BY 1 DESC LIMIT ?"
            kept = f"SELECT workspace, chat FROM turns WHERE id IN ({spoken})"
            db.execute(f"DELETE FROM turns WHERE (workspace, chat) NOT IN ({kept})", (self._settings.chats,))

    def forget_old(self, now: float) -> None:
        """`now` in seconds since the epoch."""
        with self._store.work() as db:
            db.execute("DELETE FROM turns WHERE at < ?", (now - self._settings.keep_days * DAY_S,))

    def entries(self, workspace: Path) -> tuple[ChatEntry, ...]:
        """The chat last spoken in first."""
        statement = """
            SELECT turns.chat, first.turn, count(*), max(turns.at)
            FROM turns JOIN turns AS first ON first.id = (
                SELECT min(id) FROM turns AS same WHERE same.workspace = turns.workspace AND same.chat = turns.chat
            )
            WHERE turns.workspace = ? GROUP BY turns.chat ORDER BY max(turns.id) DESC"""
        with self._store.work() as db:
            rows = db.execute(statement, (str(workspace),)).fetchall()
        return tuple(ChatEntry(chat=chat, title=_title(turn), turns=turns, at=at) for chat, turn, turns, at in rows)

    def forget(self, workspace: Path, chat: str) -> None:
        """Nothing of it stays on the disk. One that isn't there is forgotten already."""
        with self._store.work() as db:
            db.execute("DELETE FROM turns WHERE workspace = ? AND chat = ?", (str(workspace), chat))
        with self._store.work() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _title(turn: bytes) -> str:
    said = msgspec.json.decode(turn, type=ChatTurn).prompt.strip().partition("\n")[0]
    return said if len(said) <= TITLE_CHARACTERS else said[: TITLE_CHARACTERS - 1].rstrip() + "…"
