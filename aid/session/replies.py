"""What models replied to a request, kept until its answer is delivered: asked again of the next daemon, it goes on at
judging what was replied to the first.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Self

import msgspec

from aid.models.backend import Backend, Chunk, Prompt
from aid.session.identity import Identity

_CHUNKS = msgspec.msgpack.Decoder(tuple[Chunk, ...])


class Replies:
    """One request's. A reply is known by the model, the number of its sample and how often that was asked back."""

    def __init__(self, identity: Identity, known: dict[str, bytes]) -> None:
        self._identity = identity
        self._known = known

    @classmethod
    async def of(cls, identity: Identity | None) -> Self | None:
        """None for a request that can't come again."""
        if identity is None:
            return None
        known = await asyncio.to_thread(identity.kept.replies, identity.key) if identity.again else {}
        return cls(identity, known)

    def through(self, backend: Backend, sample: int) -> Backend:
        """`backend`, asked only for what it hasn't replied yet. Its streams are one sample's, in turn."""
        return _Remembering(backend, self, f"{backend.name} {sample}")

    def known(self, slot: str) -> tuple[Chunk, ...]:
        kept = self._known.pop(slot, None)
        return _CHUNKS.decode(kept) if kept is not None else ()

    async def keep(self, slot: str, chunks: tuple[Chunk, ...]) -> None:
        """A reply is dear, so it is waited for until it is written."""
        self._identity.kept.reply(self._identity.key, slot, msgspec.msgpack.encode(chunks))
        await asyncio.to_thread(self._identity.kept.flush)


class _Remembering:
    """A `Backend`."""

    def __init__(self, backend: Backend, replies: Replies, slot: str) -> None:
        self.name = backend.name
        self.capabilities = backend.capabilities
        self._backend = backend
        self._replies = replies
        self._slot = slot
        self._asked = 0

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        self._asked += 1
        slot = f"{self._slot} {self._asked}"
        known = self._replies.known(slot)
        for chunk in known:
            yield chunk
        if known:
            return
        texts: list[str] = []
        last = Chunk()
        chunks = self._backend.stream(prompt)
        try:
            async for last in chunks:
                texts.append(last.text)
                yield last
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        whole = msgspec.structs.replace(last, text="".join(texts), reasoning="")
        await self._replies.keep(slot, (whole,))

    async def count_tokens(self, text: str) -> int:
        return await self._backend.count_tokens(text)

    async def close(self) -> None:
        """The back end is everyone's."""
