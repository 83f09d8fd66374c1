"""A candidate's text as it may be handed on: whole characters only, and never a part of a stop text."""

import codecs


class AnswerText:
    """Feed it the tokens' bytes. Once `stopped`, nothing more comes: a stop text and what follows it are left out."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.stopped = False
        self._stops = tuple(stop for stop in stops if stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""

    def feed(self, piece: bytes) -> str:
        return self._given(self._decoder.decode(piece))

    def close(self) -> str:
        """What was held back, at the end of the tokens."""
        text = self._given(self._decoder.decode(b"", final=True))
        rest, self._held = self._held, ""
        return text + rest

    def _given(self, text: str) -> str:
        if self.stopped:
            return ""
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            given, self._held = self._held[: min(found)], ""
            return given
        kept = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        given, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return given


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` may be the beginning of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
