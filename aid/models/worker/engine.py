"""The one interface between the worker's HTTP server and the library that runs the model.

A `ChatRequest` comes in; `Piece`s go out, those of several candidates interleaved. An engine never sees HTTP. What a
request can be blamed for is raised as ModelError before the first piece.
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

import msgspec

# In order of preference: the first takes 10 to 20 % less for an answer's tokens and is installed as a wheel, the second
# 6 to 14 % less for prompts and is built for four minutes (bench/models_engines.py).
ENGINES = ("xllamacpp", "llama-cpp-python")
SHARED_TOKENS = 1024  # room for each further candidate beside the first one's context


class Turn(msgspec.Struct, frozen=True):
    role: str
    content: str


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /v1/chat/completions: OpenAI's fields, llama.cpp's `grammar`, and `lora`, an adapter's file.

    `n` candidates share the work on the prompt; the i-th is sampled with seed + i. Sampling is llama-server's default
    chain: top 40, top_p, min_p 0.05, temperature; temperature 0 takes the likeliest token.
    """

    messages: tuple[Turn, ...]
    model: str = ""
    max_tokens: int = 1024
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int | None = None
    stop: tuple[str, ...] | str | None = None
    grammar: str | None = None
    lora: str | None = None
    n: int = 1
    stream: bool = False
    stream_options: StreamOptions | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else self.stop or ()


class Usage(msgspec.Struct, frozen=True):
    """One candidate's tokens. `cached` of the prompt's were not computed again."""

    prompt: int
    cached: int
    completion: int


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A bit of candidate `index`'s text; the candidate's last has `finish`, "stop" or "length", and `usage`."""

    index: int = 0
    text: str = ""
    finish: str | None = None
    usage: Usage | None = None


class Activity(msgspec.Struct, frozen=True):
    """`decodes` counts the batches decoded since the start; it stands still while `decoding`, the candidates being
    made, is 0."""

    decodes: int
    decoding: int


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`context_tokens` bounds one request, prompt and answer; `parallel` how many are decoded together.

    `socket` is where an engine that needs a socket of its own may put it.
    """

    model: Path
    context_tokens: int
    parallel: int
    threads: int
    socket: Path

    @property
    def cells(self) -> int:
        """Tokens the key-value cache holds: one full request, and an answer for each further candidate."""
        return self.context_tokens + (self.parallel - 1) * min(SHARED_TOKENS, self.context_tokens // 4)


class Engine(Protocol):
    """One model, loaded. Made by `make_engine`; used from one event loop."""

    def generate(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """Raises ModelError. Closing the generator stops the decoding, at the latest after the batch under way."""
        ...

    async def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text, alone and without control tokens."""
        ...

    async def activity(self) -> Activity: ...

    async def close(self) -> None: ...


async def make_engine(name: str, settings: EngineSettings) -> Engine:
    """Loads the model. Raises ModelMissing when the library isn't installed, ModelError when it refuses the file."""
    if name == "xllamacpp":
        from aid.models.worker.xllamacpp_engine import XllamacppEngine

        return await XllamacppEngine.load(settings)
    from aid.models.worker.llama_cpp_engine import LlamaCppEngine

    return await LlamaCppEngine.load(settings)
