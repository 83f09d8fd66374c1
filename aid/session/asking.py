"""How a question is put to a model: its room for context, its grammar, its words. The trainer asks by the same code.

In: a back end and its settings, the person's words, the context. Out: a `Prompt`. Knows no workspace and no build.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from aid import edits
from aid.config import Config, EditFormat, ModelSettings
from aid.context.piece import Context, Place
from aid.edits.grammar import Limits
from aid.models.backend import Backend, CountsMany, Message, Prompt
from aid.prompts import Section, compose, overhead_text
from ces.verdict import Diagnostic

MIN_CONTEXT_TOKENS = 256
CHARS_PER_TOKEN = 3  # of code, from below


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of `backend` besides its context. `history` are the chat's earlier turns."""

    backend: Backend
    config: Config
    request: str
    history: tuple[Message, ...] = ()
    adapter: str | None = None

    @property
    def settings(self) -> ModelSettings | None:
        return self.config.models.get(self.backend.name)

    @property
    def format(self) -> EditFormat:
        return (self.settings.format if self.settings else None) or self.backend.capabilities.format

    @property
    def max_tokens(self) -> int:
        """Tokens kept free for the answer."""
        return self.settings.max_tokens if self.settings else 1024


async def room(question: Question) -> int:
    """Tokens left for context: what the model holds less its answer and all else the prompt says."""
    said = overhead_text(question.request, question.format, question.history)
    overhead = await count(question.backend, [said])
    left = question.backend.capabilities.context_tokens - question.max_tokens - sum(overhead)
    wanted = question.config.context.budget_tokens
    return max(MIN_CONTEXT_TOKENS, left if wanted is None else min(left, wanted))


def prompt(question: Question, context: Context, diagnostics: Sequence[Diagnostic]) -> Prompt:
    """The prompt, with a grammar where the back end takes one. The grammar ends a reply before any token limit does."""
    grammar, max_tokens = "", question.max_tokens
    if question.backend.capabilities.grammar:
        chars = max_tokens * CHARS_PER_TOKEN
        grammar = edits.grammar(question.format, context.sources, Limits.within(chars))
        max_tokens = chars if grammar and question.format != "whole" else max_tokens
    sections = [
        Section(piece.title, piece.text, piece.path, volatile=piece.place >= Place.UNSAVED) for piece in context.pieces
    ]
    return Prompt(
        messages=compose(question.request, sections, question.format, question.history),
        format=question.format,
        sources=context.sources,
        diagnostics=tuple(diagnostics),
        max_tokens=max_tokens,
        temperature=question.settings.temperature if question.settings else 0.2,
        grammar=grammar or None,
        adapter=question.adapter,
    )


async def count(backend: Backend, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, in the model's own counting."""
    if isinstance(backend, CountsMany):
        return await backend.count_many(list(texts))
    return list(await asyncio.gather(*(backend.count_tokens(text) for text in texts)))
