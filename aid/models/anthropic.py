"""The `anthropic` back end: the Messages API, version 2023-06-01, streamed.

System messages go apart, neighbours of one role become one message of several blocks, and the end of the stable part
is marked for the server's prefix cache.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import groupby
from typing import Any

import aiohttp
import msgspec

from aid.config import AnthropicModel
from aid.models.backend import Chunk, Message, Prompt
from aid.models.counts import Count, told
from aid.models.estimate import estimated_tokens
from aid.models.post import Call, Wait, drain, error_text, events, posted, read, refused, whole
from aid.models.remote import RemoteBackend
from aid.models.retry import ServerError

VERSION = "2023-06-01"
FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_CACHED = {"cache_control": {"type": "ephemeral"}}


class AnthropicBackend(RemoteBackend):
    optional_fields = ("temperature", "stop_sequences")

    def __init__(self, name: str, settings: AnthropicModel) -> None:
        super().__init__(name, settings)
        self._model = settings.model

    def url(self) -> str:
        return self._connection.root_url("/v1/messages")

    def headers(self, key: str) -> dict[str, str]:
        return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}

    def body(self, prompt: Prompt) -> dict[str, Any]:
        return messages_body(prompt, self._model)

    def chunks(self, session: aiohttp.ClientSession, call: Call) -> AsyncGenerator[Chunk, None]:
        return message_chunks(session, call)

    async def count_tokens(self, text: str) -> int:
        """An upper estimate: asking the server costs a journey for each text."""
        return estimated_tokens(text)


def messages_body(prompt: Prompt, model: str) -> dict[str, Any]:
    """The request for `prompt`, streamed. Empty texts, which the API refuses, are left out."""
    said = [message for message in prompt.messages if message.content.strip()]
    system = [_block(message) for message in said if message.role == "system"]
    turns: list[dict[str, Any]] = [
        {"role": role, "content": [_block(message) for message in group]}
        for role, group in groupby((m for m in said if m.role != "system"), key=lambda message: message.role)
    ]
    if system:
        system[-1] |= _CACHED
    blocks = [block for turn in turns for block in turn["content"]]
    if len(blocks) > 1:
        blocks[-2].update(_CACHED)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": prompt.max_tokens,
        "messages": turns,
        "temperature": min(1.0, prompt.temperature),
        "stream": True,
    }
    if system:
        body["system"] = system
    if stop := [text for text in prompt.stop if text.strip()]:
        body["stop_sequences"] = stop
    return body


def _block(message: Message) -> dict[str, Any]:
    return {"type": "text", "text": message.content}


class _Text(msgspec.Struct, frozen=True):
    """A content block, or the delta of one; only text and thinking are read."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    stop_reason: str | None = None


class _Usage(msgspec.Struct, frozen=True):
    """`input_tokens` are those neither read from the cache nor written to it."""

    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens: Count | None = None


class _Answer(msgspec.Struct, frozen=True):
    content: list[_Text] = []
    stop_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Event(msgspec.Struct, frozen=True):
    """One event of a stream; a whole answer has type "message"."""

    type: str = ""
    message: _Answer | None = None
    content_block: _Text | None = None
    delta: _Text | None = None
    content: list[_Text] = []
    usage: msgspec.Raw = msgspec.Raw()
    stop_reason: str | None = None


_decode = msgspec.json.Decoder(_Event).decode


async def message_chunks(session: aiohttp.ClientSession, call: Call) -> AsyncGenerator[Chunk, None]:
    """The answer to `call` as it comes, as `chat.chat_chunks` does it. Raises ServerError."""
    wait = Wait(call.timeouts)
    reader = _Reader(call)
    async with posted(session, call, wait) as response:
        first = await read(response, call, wait)
        if first.lstrip()[:1] in (b"{", b"<"):
            yield reader.read(await whole(response, call, wait, first))
        else:
            async with aclosing(events(response, call, wait, first)) as stream:
                async for event in stream:
                    chunk = reader.read(event.data.encode())
                    if reader.done:
                        break
                    if chunk.text or chunk.reasoning:
                        wait.progressed()
                        yield chunk
        yield reader.last()
        await drain(response)


class _Reader:
    """The events of one answer, from the first to the last."""

    def __init__(self, call: Call) -> None:
        self.done = False
        self._call = call
        self._finish: str | None = None
        self._usage = _Usage()

    def read(self, body: bytes) -> Chunk:
        event = self._decoded(body)
        match event.type:
            case "error":
                raise refused(_status(body), error_text(body), self._call)
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "content_block_start" | "content_block_delta":
                block = event.delta or event.content_block or _Text()
                return Chunk(text=block.text, reasoning=block.thinking)
            case "message_delta":
                self._finish = (event.delta and event.delta.stop_reason) or self._finish
                self._count(event.usage)
            case "message_stop":
                self.done = True
            case "message":
                self.done, self._finish = True, event.stop_reason
                self._count(event.usage)
                text, thought = (
                    "".join(getattr(block, part) for block in event.content) for part in ("text", "thinking")
                )
                return Chunk(text=text, reasoning=thought)
        return Chunk()

    def last(self) -> Chunk:
        """The last chunk. Raises ServerError where the stream ended before the answer did."""
        server = self._call.server
        if self._finish is None and not self.done:
            raise ServerError(f"{server} stopped in the middle of its answer: try again", retryable=True, status=200)
        usage = self._usage
        cached = usage.cache_read_input_tokens or 0
        return Chunk(
            finish=FINISH.get(self._finish or "end_turn", self._finish),
            prompt_tokens=None
            if usage.input_tokens is None
            else usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
            cached_tokens=usage.cache_read_input_tokens,
            completion_tokens=usage.output_tokens,
        )

    def _count(self, raw: msgspec.Raw) -> None:
        """A later count stands in place of an earlier one, field by field."""
        usage = told(raw, _Usage)
        if usage is not None:
            later = {name: value for name, value in msgspec.structs.asdict(usage).items() if value is not None}
            self._usage = msgspec.structs.replace(self._usage, **later)

    def _decoded(self, body: bytes) -> _Event:
        try:
            event = _decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            what = error_text(body) if body.lstrip()[:1] == b"<" else "an answer of an unknown shape"
            raise ServerError(f"{self._call.server} sent {what}: is base_url a Messages API?") from error
        if not event.type:
            raise refused(200, error_text(body), self._call)
        return event


def _status(body: bytes) -> int:
    found = msgspec.json.decode(body)
    error = found.get("error") if isinstance(found, dict) else None
    return STATUS.get(error.get("type", ""), 200) if isinstance(error, dict) else 200
