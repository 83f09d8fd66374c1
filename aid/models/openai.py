"""The `openai` back end: any OpenAI-compatible chat server (llama-server, vLLM, Ollama, hosted ones)."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import msgspec

from aid.config import OpenAIModel
from aid.models.backend import Chunk, Prompt
from aid.models.chat import chat_body, chat_chunks
from aid.models.connection import Connection
from aid.models.estimate import estimated_tokens
from aid.models.post import Call
from aid.models.remote import RemoteBackend

TOKENIZE_S = 0.1
PROBE_S = 5.0
COUNTS_KEPT = 4096


class OpenAIBackend(RemoteBackend):
    optional_fields = ("stream_options", "seed", "stop", "temperature")
    renamed = {"max_tokens": "max_completion_tokens"}  # noqa: RUF012 - never written to

    def __init__(self, name: str, settings: OpenAIModel) -> None:
        super().__init__(name, settings)
        self._model = settings.model
        self._tokenizer = _Tokenizer(self._connection)

    def url(self) -> str:
        return self._connection.url("/chat/completions")

    def headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, prompt: Prompt) -> dict[str, Any]:
        return chat_body(prompt, self._model, grammar=self.capabilities.grammar)

    def chunks(self, session: aiohttp.ClientSession, call: Call) -> AsyncGenerator[Chunk, None]:
        return chat_chunks(session, call)

    async def count_tokens(self, text: str) -> int:
        """A llama-server on this machine is asked (never waited for longer than TOKENIZE_S); else an upper estimate."""
        if not self.capabilities.local or not text:
            return estimated_tokens(text)
        return await self._tokenizer.count(text, self.headers(await self.key()))

    async def close(self) -> None:
        await self._tokenizer.close()
        await super().close()


class _Tokenizer:
    """llama-server's /tokenize, found out about beside the first requests: until it answers, counts are estimates."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._probe: asyncio.Task[None] | None = None
        self._there = False
        self._counts: dict[str, int] = {}

    async def count(self, text: str, headers: dict[str, str]) -> int:
        if self._probe is None:
            self._probe = asyncio.create_task(self._find_out(headers))
        if not self._there:
            return estimated_tokens(text)
        if text not in self._counts:
            found = await self._ask(text, headers, TOKENIZE_S)
            if found is None:
                return estimated_tokens(text)
            while len(self._counts) >= COUNTS_KEPT:
                del self._counts[next(iter(self._counts))]
            self._counts[text] = found
        return self._counts[text]

    async def close(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    async def _find_out(self, headers: dict[str, str]) -> None:
        self._there = await self._ask("let x = 1", headers, PROBE_S) is not None

    async def _ask(self, text: str, headers: dict[str, str], timeout_s: float) -> int | None:
        """None: no such server, or no answer in time."""
        session = await self._connection.session()
        url = self._connection.root_url("/tokenize")
        try:
            async with asyncio.timeout(timeout_s):
                async with session.post(url, json={"content": text}, headers=headers) as response:
                    found = msgspec.json.decode(await response.read()) if response.status == 200 else None
        except (TimeoutError, OSError, aiohttp.ClientError, msgspec.DecodeError):
            return None
        tokens = found.get("tokens") if isinstance(found, dict) else None
        return len(tokens) if isinstance(tokens, list) else None
