"""The one interface between AID and whatever answers: a remote server, the embedded engine, rules, a recording.

A back end turns a `Prompt` into a stream of `Chunk`s. It never sees the workspace, save what the prompt carries.
"""

from collections.abc import AsyncIterator
from typing import Literal, Protocol, runtime_checkable

import msgspec

from aid.config import EditFormat
from ces.verdict import Diagnostic

Role = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True):
    role: Role
    content: str


class SourceText(msgspec.Struct, frozen=True, kw_only=True):
    """A file the prompt shows: its whole current text (unsaved text included), and which lines were shown.

    `shown` are zero-based [first, last) line pairs; empty means the whole file.
    """

    path: str
    text: str
    shown: tuple[tuple[int, int], ...] = ()


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a back end is asked.

    `messages` go from most to least stable, so that a server's prefix cache hits. `grammar` is GBNF (llama.cpp's
    grammars/README.md) and only sent where `Capabilities.grammar`. `sources` and `diagnostics` are what the messages
    were written from: the `hints` back end reads them in place of the text. `adapter` is a GGUF LoRA file.
    """

    messages: tuple[Message, ...]
    format: EditFormat
    sources: tuple[SourceText, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    max_tokens: int = 1024
    temperature: float = 0.2
    seed: int | None = None
    stop: tuple[str, ...] = ()
    grammar: str | None = None
    adapter: str | None = None


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer. `reasoning` is kept apart from the answer and never parsed for edits.

    The last chunk has `finish` ("stop", "length", …) and, where the server counts them, the tokens.
    """

    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """`local`: sampling again costs only time. `deterministic`: sampling again gives the same answer.

    `parallel` is how many requests it serves at once without slowing each other much.
    """

    grammar: bool = False
    adapters: bool = False
    local: bool = False
    deterministic: bool = False
    parallel: int = 1
    context_tokens: int = 8192
    format: EditFormat = "search-replace"


class Backend(Protocol):
    """Made by `aid.models.make`. One per model and daemon; serves many requests at once."""

    name: str
    capabilities: Capabilities

    def stream(self, prompt: Prompt) -> AsyncIterator[Chunk]:
        """The answer as it comes. Raises ModelError. Closing the iterator (or cancelling) stops the generation."""
        ...

    async def count_tokens(self, text: str) -> int:
        """Tokens of `text` in the model's own vocabulary; an upper estimate where that can't be asked."""
        ...

    async def close(self) -> None:
        """Let go of connections. An embedded engine's worker goes on, warm, for the next daemon."""
        ...


@runtime_checkable
class CountsMany(Protocol):
    """A back end that counts several texts in one call, where a call is dear."""

    async def count_many(self, texts: list[str]) -> list[int]: ...


@runtime_checkable
class Opens(Protocol):
    """A back end that can make ready (certificates, sessions, imports) before it is asked."""

    async def open(self) -> None: ...
