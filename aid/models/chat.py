"""OpenAI's chat completions on the wire: `Prompt` to request body, answer to `Chunk`s, streamed or not.

`chat_chunks` needs only an aiohttp session and a `Call`, so the embedded engine's client uses it over a unix socket.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import aiohttp
import msgspec

from aid.models.backend import Chunk, Prompt
from aid.models.counts import Count, told
from aid.models.post import Call, Wait, drain, error_text, events, posted, read, refused, whole
from aid.models.reasoning import Splitter
from aid.models.retry import ServerError
from aid.models.sse import Event


class _Part(msgspec.Struct, frozen=True):
    text: str = ""


class _Message(msgspec.Struct, frozen=True):
    """A delta of a stream, or the message of a whole answer. Servers name the reasoning one way or the other."""

    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Message | None = None
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: Count | None = None


class _Usage(msgspec.Struct, frozen=True):
    """`prompt_cache_hit_tokens` is DeepSeek's name for the cached ones."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    prompt_cache_hit_tokens: Count | None = None


class _Timings(msgspec.Struct, frozen=True):
    """llama-server's own count, of the prompt: `cache_n` tokens reused, `prompt_n` computed."""

    cache_n: Count | None = None
    prompt_n: Count | None = None
    predicted_n: Count | None = None


class _Answer(msgspec.Struct, frozen=True):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    timings: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    object: str = ""


_decode = msgspec.json.Decoder(_Answer).decode


def chat_body(prompt: Prompt, model: str, *, grammar: bool) -> dict[str, Any]:
    """The request for `prompt`, streamed, with only the fields that say something."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "max_tokens": prompt.max_tokens,
        "temperature": prompt.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if prompt.seed is not None:
        body["seed"] = prompt.seed
    if prompt.stop:
        body["stop"] = list(prompt.stop)
    if grammar and prompt.grammar is not None:
        body["grammar"] = prompt.grammar
    return body


async def chat_chunks(session: aiohttp.ClientSession, call: Call) -> AsyncGenerator[Chunk, None]:
    """The answer to `call` as it comes; the last chunk has `finish` and the counts. Raises ServerError.

    Close the generator (or cancel the task) to stop: the connection is closed at once, which is what makes a server
    stop generating. One that was read to its end goes back to the session for the next request.
    """
    wait = Wait(call.timeouts)
    async with posted(session, call, wait) as response:
        first = await read(response, call, wait)
        if response.content_type in ("application/json", "text/html") or first.lstrip()[:1] in (b"{", b"<"):
            for chunk in _whole_answer(await whole(response, call, wait, first), call):
                yield chunk
            return
        reader = _Reader(call)
        async with aclosing(events(response, call, wait, first)) as stream:
            async for event in stream:
                chunk = reader.read(event)
                if reader.done:
                    break
                if chunk.text or chunk.reasoning:
                    wait.progressed()
                    yield chunk
        for chunk in reader.close():
            yield chunk
        await drain(response)


class _Reader:
    """The events of one answer, from the first to the last."""

    def __init__(self, call: Call) -> None:
        self.done = False
        self._call = call
        self._splitter = Splitter()
        self._seen = False
        self._finish: str | None = None
        self._usage = _Usage()

    def read(self, event: Event) -> Chunk:
        text = event.data.strip()
        self._seen = True
        if text == "[DONE]":
            self.done = True
            return Chunk()
        if event.name == "error":
            raise refused(_status(text.encode()), error_text(text.encode()), self._call)
        answer = _decoded(text.encode(), self._call)
        self._usage = _counted(answer, self._usage)
        found = Chunk()
        for choice in (answer.choices or ())[:1]:
            self._finish = choice.finish_reason or self._finish
            found = _split(choice.delta or choice.message or _Message(content=choice.text), self._splitter)
        return found

    def close(self) -> list[Chunk]:
        """What was held back and the last chunk. Raises ServerError where the stream ended before the answer did."""
        if not self._seen:
            raise ServerError(f"{self._call.server} answered 200 with nothing in it: see its log", retryable=True)
        if self._finish is None and not self.done:
            raise ServerError(
                f"{self._call.server} stopped in the middle of its answer: see its log", retryable=True, status=200
            )
        held = self._splitter.close()
        return [*([held] if held.text or held.reasoning else []), _last(self._finish or "stop", self._usage)]


def _whole_answer(body: bytes, call: Call) -> list[Chunk]:
    """The chunks of an answer that came in one piece."""
    answer = _decoded(body, call)
    if not answer.choices:
        raise ServerError(f"{call.server} answered without choices: is it an OpenAI-compatible chat server?")
    choice = answer.choices[0]
    splitter = Splitter()
    found = _split(choice.message or choice.delta or _Message(content=choice.text), splitter)
    held = splitter.close()
    whole_text = Chunk(text=found.text + held.text, reasoning=found.reasoning + held.reasoning)
    said = [whole_text] if whole_text.text or whole_text.reasoning else []
    return [*said, _last(choice.finish_reason or "stop", _counted(answer, _Usage()))]


def _split(message: _Message, splitter: Splitter) -> Chunk:
    content = message.content or ""
    text = content if isinstance(content, str) else "".join(part.text for part in content)
    apart = message.reasoning_content or message.reasoning or ""
    found = splitter.feed(text) if text else Chunk()
    return Chunk(text=found.text, reasoning=apart + found.reasoning) if apart else found


def _decoded(text: bytes, call: Call) -> _Answer:
    try:
        answer = _decode(text)
    except msgspec.ValidationError as error:
        if "error" in text.decode(errors="replace")[:40]:
            raise refused(_status(text), error_text(text), call) from error
        raise ServerError(f"{call.server} sent an answer of an unknown shape ({error})") from error
    except (msgspec.DecodeError, RecursionError) as error:
        what = error_text(text) if text.lstrip()[:1] == b"<" else "an answer that isn't JSON"
        raise ServerError(f"{call.server} sent {what}: is base_url right, is it a chat server?") from error
    if answer.object == "error" or bytes(answer.error) not in (b"", b"null"):
        raise refused(_status(text), error_text(text), call)
    return answer


def _status(body: bytes) -> int:
    """The status an error object names in its `code`, as llama-server, vLLM and OpenRouter do; else 200."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return 200
    error = found.get("error", found) if isinstance(found, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 200


def _counted(answer: _Answer, before: _Usage) -> _Usage:
    usage = told(answer.usage, _Usage) or before
    timings = told(answer.timings, _Timings)
    if timings is None or timings.prompt_n is None:
        return usage
    cached = timings.cache_n or 0
    return _Usage(
        prompt_tokens=usage.prompt_tokens or cached + timings.prompt_n,
        completion_tokens=usage.completion_tokens or timings.predicted_n,
        prompt_tokens_details=usage.prompt_tokens_details or _PromptDetails(cached),
    )


def _last(finish: str, usage: _Usage) -> Chunk:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else usage.prompt_cache_hit_tokens
    return Chunk(
        finish=finish,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=cached,
        completion_tokens=usage.completion_tokens,
    )
