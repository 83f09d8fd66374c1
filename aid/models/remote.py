"""What every back end that asks a server by HTTP has in common: session, key, timeouts, retries, refused fields."""

import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import aiohttp
import msgspec

from aid.config import AnthropicModel, OpenAIModel
from aid.models import keys
from aid.models.backend import Capabilities, Chunk, Prompt
from aid.models.connection import Connection
from aid.models.post import Call, Timeouts
from aid.models.retry import Policy, ServerError, retrying


class RemoteBackend(ABC):
    """One per model and daemon: it keeps the session, the key and what the server turned out to refuse.

    A server that refuses one of `optional_fields` is asked again without it (or with the name `renamed` has for it),
    and not sent it again. Requests are retried only while nothing of the answer was handed on.
    """

    optional_fields: tuple[str, ...] = ()
    renamed: dict[str, str] = {}  # noqa: RUF012 - never written to

    def __init__(self, name: str, settings: OpenAIModel | AnthropicModel) -> None:
        self.name = name
        self._settings = settings
        self._connection = Connection(settings.base_url)
        self.capabilities = Capabilities(
            grammar=isinstance(settings, OpenAIModel) and settings.grammar,
            local=self._connection.is_local,
            parallel=4,
            context_tokens=settings.context_tokens,
            format=settings.format or "search-replace",
        )
        self._refused: set[str] = set()
        self._key: str | None = None

    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def headers(self, key: str) -> dict[str, str]:
        """`key` is empty where none is configured."""

    @abstractmethod
    def body(self, prompt: Prompt) -> dict[str, Any]: ...

    @abstractmethod
    def chunks(self, session: aiohttp.ClientSession, call: Call) -> AsyncGenerator[Chunk, None]: ...

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        attempt = functools.partial(self._attempt, prompt)
        return retrying(attempt, Policy(retries=self._settings.retries), self._settings.timeout_s)

    async def open(self) -> None:
        """Make ready what the first request would wait for: the session, its certificates, the key."""
        await self._connection.session()
        await self.key()

    async def close(self) -> None:
        await self._connection.close()

    async def key(self) -> str:
        if self._key is None:
            self._key = await keys.api_key(self._settings.api_key_env, self._settings.keyring_service) or ""
        return self._key

    async def _attempt(self, prompt: Prompt, left_s: float) -> AsyncGenerator[Chunk, None]:
        session = await self._connection.session()
        body = self.body(prompt)
        call = await self._call(body, left_s)
        while True:
            try:
                async with aclosing(self.chunks(session, call)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except ServerError as error:
                if error.status == 401:
                    self._key = None  # the keyring may hold another by the next request
                # Nothing was yielded: a refusal comes in place of an answer.
                if error.status not in (400, 422) or not self._learn(error.said, call.body):
                    raise
                call = msgspec.structs.replace(call, body=self._accepted(body))

    async def _call(self, body: dict[str, Any], left_s: float) -> Call:
        settings = self._settings
        return Call(
            url=self.url(),
            body=self._accepted(body),
            headers=self.headers(await self.key()),
            timeouts=Timeouts(
                connect_s=settings.connect_timeout_s,
                first_token_s=min(settings.first_token_timeout_s or left_s, left_s),
                between_tokens_s=settings.token_timeout_s,
                total_s=left_s,
            ),
            server=self._connection.server,
            advice=keys.advice(settings.api_key_env, settings.keyring_service),
        )

    def _learn(self, said: str, body: dict[str, Any]) -> bool:
        """Whether a refusal names a field that can be left out or named otherwise; if so it is remembered."""
        named = {old for old, new in self.renamed.items() if old in body and new in said}
        named = named or {field for field in self.optional_fields if field in body and field in said}
        self._refused |= named
        return bool(named)

    def _accepted(self, body: dict[str, Any]) -> dict[str, Any]:
        kept = {field: value for field, value in body.items() if field not in self._refused}
        again = {new: body[old] for old, new in self.renamed.items() if old in self._refused and old in body}
        return kept | again
