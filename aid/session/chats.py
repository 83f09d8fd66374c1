"""A workspace's conversations: what was asked and answered, so that a chat's next turn knows of it."""

from aid.models.backend import Message

KEPT_CHATS = 50
KEPT_MESSAGES = 40


class Chats:
    """By the name a client gives them. The oldest turns and the oldest chats are forgotten first."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[Message, ...]] = {}

    def history(self, chat: str | None) -> tuple[Message, ...]:
        return self._said.get(chat, ()) if chat else ()

    def remember(self, chat: str | None, asked: Message, answered: str) -> None:
        """Add a turn to a chat."""
        if not chat:
            return
        said = (*self._said.pop(chat, ()), asked, Message("assistant", answered))
        self._said[chat] = said[-KEPT_MESSAGES:]
        while len(self._said) > KEPT_CHATS:
            del self._said[next(iter(self._said))]
