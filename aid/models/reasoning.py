"""Reasoning written into the answer: `<think>…</think>` at its very start, split off as it streams. Pure."""

from aid.models.backend import Chunk

_OPEN = ("<think>", "<thinking>")


class Splitter:
    """Feed it the answer's pieces; it answers chunks whose `text` and `reasoning` are apart.

    Only the start is looked at: the same tag later is part of the answer. A tag may be cut anywhere between pieces,
    and where it is never closed, all of the answer was reasoning.
    """

    def __init__(self) -> None:
        self._held = ""
        self._close = ""
        self._state = "start"

    def feed(self, piece: str) -> Chunk:
        if self._state == "answer":
            return Chunk(text=piece)
        self._held += piece
        if self._state == "start" and not self._opened():
            return Chunk(text=self._answer()) if self._state == "answer" else Chunk()
        return self._inside() if self._state == "inside" else self._after("")

    def close(self) -> Chunk:
        """What was held back, now that nothing more comes."""
        held, self._held = self._held, ""
        return Chunk(reasoning=held) if self._state == "inside" else Chunk(text=held)

    def _opened(self) -> bool:
        start = self._held.lstrip()
        tag = next((tag for tag in _OPEN if start.startswith(tag)), None)
        if tag is None:
            if not any(tag.startswith(start) for tag in _OPEN):
                self._state = "answer"
            return False
        self._state, self._close, self._held = "inside", "</" + tag[1:], start[len(tag) :]
        return True

    def _inside(self) -> Chunk:
        reasoning, closed, rest = self._held.partition(self._close)
        if closed:
            self._held, self._state = rest, "after"
            return self._after(reasoning)
        keep = max((size for size in range(len(self._close)) if reasoning.endswith(self._close[:size])), default=0)
        self._held = reasoning[len(reasoning) - keep :]
        return Chunk(reasoning=reasoning[: len(reasoning) - keep])

    def _after(self, reasoning: str) -> Chunk:
        """The blank lines between reasoning and answer belong to neither."""
        self._held = self._held.lstrip("\r\n")
        if self._held:
            self._state = "answer"
        return Chunk(text=self._answer() if self._held else "", reasoning=reasoning)

    def _answer(self) -> str:
        held, self._held = self._held, ""
        return held
