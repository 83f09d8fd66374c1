"""The `openai` back end: any OpenAI-compatible chat server (llama-server, vLLM, Ollama, hosted ones).

A server that refuses a field it doesn't know (`stream_options`, `seed`, …) is asked again without it, and not sent
it again. Requests are retried only while nothing of the answer was handed on.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import aiohttp
import msgspec

from aid.config import OpenAIModel
from aid.models import keys
from aid.models.backend import Capabilities, Chunk, Prompt
from aid.models.chat import chat_body, chat_chunks
from aid.models.connection import Connection
from aid.models.estimate import estimated_tokens
from aid.models.post import Call, Timeouts
from aid.models.retry import Policy, ServerError, retrying

OPTIONAL_FIELDS = ("stream_options", "seed", "stop", "temperature")
TOKENIZE_S = 0.1
COUNTS_KEPT = 4096


class OpenAIBackend:
    """One per model and daemon: it keeps the session, the key and what the server turned out to refuse."""

    def __init__(self, name: str, settings: OpenAIModel) -> None:
        self.name = name
        self._settings = settings
        self._connection = Connection(settings.base_url)
        self.capabilities = Capabilities(
            grammar=settings.grammar,
            local=self._connection.is_local,
            parallel=4,
            context_tokens=settings.context_tokens,
            format=settings.format or "search-replace",
        )
        self._refused: set[str] = set()
        self._tokenizer = _Tokenizer(self._connection)
        self._key: str | None = None

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        settings = self._settings
        attempt = functools.partial(self._attempt, prompt)
        return retrying(attempt, Policy(retries=settings.retries), settings.timeout_s)

    async def count_tokens(self, text: str) -> int:
        """A llama-server on this machine is asked (never waited for longer than TOKENIZE_S); else an upper estimate."""
        return await self._tokenizer.count(text, await self._headers())

    async def close(self) -> None:
        await self._tokenizer.close()
        await self._connection.close()

    async def _attempt(self, prompt: Prompt, left_s: float) -> AsyncGenerator[Chunk, None]:
        session = await self._connection.session()
        call = await self._call(prompt, left_s)
        while True:
            try:
                async with aclosing(chat_chunks(session, call)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except ServerError as error:
                # Nothing was yielded: a refusal comes in place of an answer.
                if error.status not in (400, 422) or not self._learn(error.said, call.body):
                    raise
                call = msgspec.structs.replace(call, body=self._accepted(call.body))

    async def _call(self, prompt: Prompt, left_s: float) -> Call:
        settings = self._settings
        return Call(
            url=self._connection.url("/chat/completions"),
            body=self._accepted(chat_body(prompt, settings.model, grammar=settings.grammar)),
            headers=await self._headers(),
            timeouts=Timeouts(
                connect_s=settings.connect_timeout_s,
                first_token_s=min(settings.first_token_timeout_s or left_s, left_s),
                between_tokens_s=settings.token_timeout_s,
                total_s=left_s,
            ),
            server=self._connection.server,
            advice=keys.advice(settings.api_key_env, settings.keyring_service),
        )

    async def _headers(self) -> dict[str, str]:
        if self._key is None:
            self._key = await keys.api_key(self._settings.api_key_env, self._settings.keyring_service) or ""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _learn(self, said: str, body: dict[str, Any]) -> bool:
        """Whether a refusal names a field that can be left out or named otherwise; if so it is remembered."""
        named = {field for field in OPTIONAL_FIELDS if field in body and field in said}
        if "max_tokens" in body and "max_completion_tokens" in said:
            named = {"max_tokens"}
        self._refused |= named
        return bool(named)

    def _accepted(self, body: dict[str, Any]) -> dict[str, Any]:
        kept = {field: value for field, value in body.items() if field not in self._refused}
        if "max_tokens" in self._refused and "max_tokens" in body:
            kept["max_completion_tokens"] = body["max_tokens"]
        return kept


class _Tokenizer:
    """llama-server's /tokenize, found out about beside the first requests: until it answers, counts are estimates."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._probe: asyncio.Task[None] | None = None
        self._there = False
        self._counts: dict[str, int] = {}

    async def count(self, text: str, headers: dict[str, str]) -> int:
        if not self._connection.is_local or not text:
            return estimated_tokens(text)
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
        self._there = await self._ask("let x = 1", headers, 5.0) is not None

    async def _ask(self, text: str, headers: dict[str, str], timeout_s: float) -> int | None:
        session = await self._connection.session()
        try:
            async with asyncio.timeout(timeout_s):
                async with session.post(
                    self._connection.root_url("/tokenize"), json={"content": text}, headers=headers
                ) as response:
                    found = msgspec.json.decode(await response.read()) if response.status == 200 else None
        except (TimeoutError, OSError, aiohttp.ClientError, msgspec.DecodeError):
            return None
        tokens = found.get("tokens") if isinstance(found, dict) else None
        return len(tokens) if isinstance(tokens, list) else None
