"""The `replay` back end: plays recorded replies (see `recording` for the file), and `Recorder`, which writes them.

For tests, and for judging stored replies anew. Nothing waits here but for a name to be released.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from aid.config import ReplayModel
from aid.errors import ModelError
from aid.models.backend import Backend, Capabilities, Chunk, Prompt
from aid.models.estimate import estimated_tokens
from aid.models.recording import Recording, Recordings, prompt_hash, read
from aid.models.retry import RETRYABLE_STATUS, ServerError, retry_after_s


class ReplayBackend:
    """The file is read by the first request. `released[name].set()` lets a reply past its `wait`."""

    def __init__(self, name: str, settings: ReplayModel) -> None:
        self.name = name
        self.capabilities = Capabilities(
            local=True,
            parallel=64,
            context_tokens=settings.context_tokens,
            format=settings.format or "search-replace",
        )
        self.released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._path = Path(settings.path).expanduser()
        self._recordings: Recordings | None = None
        self._timeout_s = settings.timeout_s

    async def _release(self, name: str) -> None:
        try:
            await asyncio.wait_for(self.released[name].wait(), self._timeout_s)
        except TimeoutError:
            told = f"model {self.name} waited {self._timeout_s:g} s for {name!r} to be released: raise timeout_s"
            raise ModelError(told, retryable=True, timed_out=True) from None

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        if self._recordings is None:
            self._recordings = read(self._path)
        line = self._recordings.pick(prompt.messages)
        if line.status != 200:
            raise _refusal(line, self.name)
        for piece in line.steps():
            if piece.wait is not None:
                await self._release(piece.wait)
            elif piece.drop or piece.raw is not None:
                raise ServerError(f"{self.name} stopped in the middle of its answer, as recorded", retryable=True)
            else:
                yield Chunk(text=piece.text, reasoning=piece.reasoning)
        yield last_chunk(line)

    async def count_tokens(self, text: str) -> int:
        return estimated_tokens(text)

    async def close(self) -> None:
        for event in self.released.values():
            event.set()


class Recorder:
    """A back end that is another one, and appends each answer that came to its end to a file of recordings."""

    def __init__(self, backend: Backend, path: Path) -> None:
        self.name = backend.name
        self.capabilities = backend.capabilities
        self._backend = backend
        self._path = path

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        seen: list[Chunk] = []
        chunks = self._backend.stream(prompt)
        try:
            async for chunk in chunks:
                seen.append(chunk)
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        if seen and seen[-1].finish is not None:
            await asyncio.to_thread(append, self._path, recorded(prompt, seen, self.name))

    async def count_tokens(self, text: str) -> int:
        return await self._backend.count_tokens(text)

    async def close(self) -> None:
        await self._backend.close()


def recorded(prompt: Prompt, chunks: list[Chunk], model: str) -> Recording:
    """An answer as a recording for exactly its prompt."""
    last = chunks[-1]
    return Recording(
        prompt=prompt_hash(prompt.messages),
        reply="".join(chunk.text for chunk in chunks),
        reasoning="".join(chunk.reasoning for chunk in chunks),
        finish=last.finish or "stop",
        prompt_tokens=last.prompt_tokens,
        cached_tokens=last.cached_tokens,
        completion_tokens=last.completion_tokens,
        model=model,
        at=time.time(),
    )


def append(path: Path, recording: Recording) -> None:
    """Add one line, in one write, so that lines of several processes don't mix. The file is the user's alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(recording) + b"\n")
    finally:
        os.close(descriptor)


def last_chunk(line: Recording) -> Chunk:
    return Chunk(
        finish=line.finish,
        prompt_tokens=line.prompt_tokens,
        cached_tokens=line.cached_tokens,
        completion_tokens=line.completion_tokens,
    )


def _refusal(line: Recording, name: str) -> ServerError:
    return ServerError(
        f"{name} answered {line.status}, as recorded",
        status=line.status,
        retryable=line.status in RETRYABLE_STATUS,
        retry_after_s=retry_after_s(line.headers.get("Retry-After")),
        said=line.body,
    )
