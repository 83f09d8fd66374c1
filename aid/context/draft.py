"""A piece on its way into a prompt: how long it is, and shortened to what it gets."""

from collections.abc import Sequence
from math import ceil

from aid.context.cut import SMALL_GAP, Costs, fit
from aid.context.lines import merge, render, split
from aid.context.outline import Definition
from aid.context.piece import Piece, Span

FRAME_TOKENS = 8  # a heading and a fence around each piece
TOKENS_PER_CHARACTER = 0.3  # of a text too large to be worth counting
SAFETY = 0.97


class Draft:
    """`text` is what would be shown now, `tokens` what it takes with title and frame, `wanted` what it took uncut.

    `shown` are the lines of the piece in `text`; None: all.
    """

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.lines = split(piece.text)
        self.text = "\n".join(self.lines)
        self.shown: tuple[Span, ...] | None = None
        self.tokens = ceil(len(self.text) * TOKENS_PER_CHARACTER) + FRAME_TOKENS
        self.wanted = self.tokens
        self._rate = TOKENS_PER_CHARACTER
        self._shrink = SAFETY
        if piece.path is not None and not piece.whole and piece.focus:
            self._show(merge(piece.focus, len(self.lines), gap=SMALL_GAP))

    def counted(self) -> str:
        """What is to be counted."""
        return f"{self.piece.title}\n{self.text}"

    def measure(self, tokens: int) -> None:
        """Take in the tokens of `counted`, while uncut."""
        self.tokens = self.wanted = tokens + FRAME_TOKENS
        self._rate = tokens / len(self.counted())

    def remeasure(self, tokens: int, limit: int) -> bool:
        """Take in the tokens of `counted`, shortened; whether they are within `limit`. If not, cut deeper."""
        self.tokens = tokens + FRAME_TOKENS
        self._shrink *= min(1.0, limit / self.tokens) * SAFETY
        return self.tokens <= limit

    def shorten(self, limit: int, definitions: Sequence[Definition]) -> None:
        """Cut to about `limit` tokens; to nothing where that leaves no room for a line."""
        room = (limit - FRAME_TOKENS) * self._shrink - (len(self.piece.title) + 1) * self._rate
        costs = Costs([(len(line) + 1) * self._rate for line in self.lines])
        if self.piece.path is not None:
            self._show(fit(costs, self.piece.focus, definitions, room, core=self.piece.core))
            return
        kept = fit(costs, (), (), room)
        last = kept[0][1] if kept else 0
        self._show(((0, last),) if last else ())

    def drop(self) -> None:
        self.text, self.shown, self.tokens = "", (), 0

    def finished(self) -> Piece:
        """The piece as it is to be shown."""
        return Piece(
            source=self.piece.source,
            title=self.piece.title,
            text=self.text,
            weight=self.piece.weight,
            place=self.piece.place,
            path=self.piece.path,
            focus=self.piece.focus,
            core=self.piece.core,
            whole=self.piece.whole,
            shown=() if self.piece.path is None or self.shown is None else self.shown,
            tokens=self.tokens,
            cut_tokens=max(0, self.wanted - self.tokens),
        )

    def item(self) -> str:
        """The piece in a few words for the person, with what is missing from it."""
        if self.shown is None:
            return self.piece.title
        if not self.shown:
            return f"{self.piece.title} (left out)"
        lines = sum(last - first for first, last in self.shown)
        return f"{self.piece.title} ({lines} of {len(self.lines)} lines)"

    def _show(self, spans: tuple[Span, ...]) -> None:
        whole = spans == ((0, len(self.lines)),)
        self.shown = None if whole else spans
        self.text = render(self.lines, spans) if spans else ""
        if not spans:
            self.tokens = 0
