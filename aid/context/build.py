"""A request's context: what the sources offer, cut to one budget, in the order that changes least first.

Sources (all at once), one piece a file, count, share, cut, count what was cut. Nothing is left out silently: each
source's `SourceUse` says how many of its tokens were, and its items what is shown of each file.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aid.config import ContextSettings
from aid.context.budget import Claim, share
from aid.context.draft import Draft
from aid.context.piece import Ask, Context, Piece, Place
from aid.context.reader import Index, Outlines, Reader
from aid.context.sources import Closing, Source, Starting, all_sources
from aid.context.sources.errors import MOST_FILES, pick
from aid.context.tokens import Count, TokenCounts
from aid.models.backend import SourceText
from aid.protocol import SourceUse

log = logging.getLogger(__name__)

SOURCE_PATIENCE_S = 0.5
COUNTED_TIMES_BUDGET = 4  # a text that is surely so many times too large is not counted, only estimated
LEAST_COUNTED = 4000
CUT_ROUNDS = 3
AT_ONCE = 8  # to build one is to compute: of more at once the first would come as late as the last


class ContextBuilder:
    """One a daemon; builds the contexts of many requests at once."""

    def __init__(self, sources: Sequence[Source] | None = None, *, settings: ContextSettings | None = None) -> None:
        self._sources = all_sources() if sources is None else list(sources)
        self._settings = settings or ContextSettings()
        self._outlines = Outlines()
        self._counts = TokenCounts()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def start(self, root: Path, index: Index) -> None:
        """A request has come: let sources begin with what takes long, beside what the request does first."""
        for source in self._sources:
            if isinstance(source, Starting):
                source.start(root, index)

    async def build(
        self, ask: Ask, *, budget_tokens: int, count: Count, index: Index | None = None, model: str = ""
    ) -> Context:
        """The context for `ask`, of at most `budget_tokens` as `count` counts them.

        `count` gives the tokens of several texts at once. It is asked once, and again only where something has to be
        cut; never twice for the same text and `model`. `index` None: only what the request itself names is shown.
        """
        async with self._turns:
            return await self._build(ask, budget_tokens, count, index, model)

    async def _build(self, ask: Ask, budget_tokens: int, count: Count, index: Index | None, model: str) -> Context:
        limit = self._settings.max_file_bytes
        reader = Reader(ask, index, max_file_bytes=limit, outlines=self._outlines)
        reader.expect(_at_hand(ask, reader))
        found = await asyncio.gather(*(_pieces(source, ask, reader) for source in self._sources))
        offered = [piece for pieces in found for piece in pieces]
        drafts = [Draft(piece) for piece in sorted(_one_a_file(offered), key=_order)]
        await self._measure(drafts, budget_tokens, count, model)
        claims = [Claim(draft.tokens, draft.piece.weight, _kind(draft.piece)) for draft in drafts]
        await self._cut(drafts, share(claims, budget_tokens), reader, count, model)
        return await _context(drafts, offered, reader)

    async def close(self) -> None:
        for source in self._sources:
            if isinstance(source, Closing):
                await source.close()

    async def _measure(self, drafts: Sequence[Draft], budget: int, count: Count, model: str) -> None:
        most = COUNTED_TIMES_BUDGET * max(budget, LEAST_COUNTED)
        worth = [draft for draft in drafts if draft.tokens <= most]
        counted = await self._counts.of([draft.counted() for draft in worth], count, model)
        for draft, tokens in zip(worth, counted, strict=True):
            draft.measure(tokens)

    async def _cut(
        self, drafts: Sequence[Draft], granted: Sequence[int], reader: Reader, count: Count, model: str
    ) -> None:
        """Shorten what got less than it wants until it is within what it got; what then still isn't is left out."""
        over = [(draft, limit) for draft, limit in zip(drafts, granted, strict=True) if draft.tokens > limit]
        for _ in range(CUT_ROUNDS):
            for draft, limit in over:
                path = draft.piece.path
                draft.shorten(limit, () if path is None else await reader.outline(path))
            over = [(draft, limit) for draft, limit in over if draft.text]
            counted = await self._counts.of([draft.counted() for draft, _ in over], count, model)
            fits = [draft.remeasure(tokens, limit) for (draft, limit), tokens in zip(over, counted, strict=True)]
            over = [one for one, within in zip(over, fits, strict=True) if not within]
        for draft, _ in over:
            draft.drop()


def _at_hand(ask: Ask, reader: Reader) -> list[str]:
    """The files that several sources will want to read."""
    named = (reader.relative(ref.path) for ref in ask.files)
    erring = dict.fromkeys(one.file for one in pick(ask.diagnostics) if one.file is not None)
    return [*(path for path in named if path), *list(erring)[:MOST_FILES], *reader.open_paths()]


async def _pieces(source: Source, ask: Ask, reader: Reader) -> Sequence[Piece]:
    """What one source offers; a source that fails or dawdles is said to have, and the request goes on without it."""
    try:
        return await asyncio.wait_for(source.pieces(ask, reader), SOURCE_PATIENCE_S)
    except TimeoutError:
        log.warning("context source %s took more than %g s; left out", source.name, SOURCE_PATIENCE_S)
        reason = "took too long"
    except Exception:  # the guard of a request: one source's fault is not the request's
        log.exception("context source %s failed; left out", source.name)
        reason = "failed, see the log"
    return [Piece(source=source.name, title=f"{source.name} ({reason})", text="", weight=1, place=Place.ERRORS)]


def _one_a_file(offered: Sequence[Piece]) -> list[Piece]:
    """The pieces with something to show; those of one file as one, that of the heaviest with all their focus."""
    result: list[Piece] = []
    files: dict[str, list[Piece]] = {}
    for piece in offered:
        if piece.path is not None:
            files.setdefault(piece.path, []).append(piece)
        elif piece.text:
            result.append(piece)
    for pieces in files.values():
        heaviest = max(pieces, key=lambda piece: piece.weight)
        steadiest = min(pieces, key=lambda piece: piece.place)
        result.append(
            msgspec.structs.replace(
                heaviest,
                title=steadiest.title,
                place=steadiest.place,
                focus=tuple(sorted({span for piece in pieces for span in piece.focus})),
                core=tuple(sorted({line for piece in pieces for line in piece.core})),
                whole=any(piece.whole for piece in pieces),
            )
        )
    return result


def _order(piece: Piece) -> tuple[int, str, str]:
    return (piece.place, piece.path or "", piece.title)


def _kind(piece: Piece) -> str:
    if piece.path is not None:
        return "file"
    return "map" if piece.place == Place.MAP else "volatile"


async def _context(drafts: Sequence[Draft], offered: Sequence[Piece], reader: Reader) -> Context:
    pieces = [draft.finished() for draft in drafts if draft.text]
    sources: list[SourceText] = []
    for piece in pieces:
        text = None if piece.path is None else await reader.text(piece.path)
        if text is not None:
            sources.append(SourceText(path=text.path, text=text.text, shown=piece.shown))
    return Context(
        pieces=tuple(pieces),
        sources=tuple(sources),
        uses=_uses(drafts, offered),
        tokens=sum(piece.tokens for piece in pieces),
    )


def _uses(drafts: Sequence[Draft], offered: Sequence[Piece]) -> tuple[SourceUse, ...]:
    """By source, in the order they spoke up; a file counts for the source that weighed it most."""
    result: list[SourceUse] = []
    for name in dict.fromkeys(piece.source for piece in offered):
        own = [draft for draft in drafts if draft.piece.source == name]
        said = [p.title for p in offered if p.source == name and p.path is None and not p.text]
        if own or said:
            use = SourceUse(
                source=name,
                tokens=sum(draft.tokens for draft in own),
                cut_tokens=sum(max(0, draft.wanted - draft.tokens) for draft in own),
                items=(*(draft.item() for draft in own), *said),
            )
            result.append(use)
    return tuple(result)
