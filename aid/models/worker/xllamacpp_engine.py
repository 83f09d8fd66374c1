"""The engine over xllamacpp: llama.cpp's own server in this process, asked over a unix socket only its owner may enter.

The server batches requests, keeps each chat's prefix in its slot or, when the slot is needed, in memory, and takes the
adapters' scales per request. Two things it can't do are done here. Adapters are loaded only with the model, so a new
one waits for the requests under way and loads the model again (half a second; the prompt cache is lost). And only one
request's own candidates share their prompt's work, so requests that differ in their seed alone and come together are
sent as one (`joining.py`).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import xllamacpp

from aid.errors import ModelError
from aid.models import gguf_file
from aid.models.post import Call, Timeouts, Wait, events, posted
from aid.models.retry import ServerError
from aid.models.worker.engine import Activity, ChatRequest, EngineSettings, Piece, Usage
from aid.models.worker.joining import Joining
from aid.models.worker.turnstile import Room, Turnstile

ADAPTERS_KEPT = 8
BATCH_TOKENS = 256  # a request is cancelled between batches, so this bounds what a cancelled prompt still costs
PROMPT_CACHE_MIB = 512
TEMPLATE_TOKENS = 16  # a chat template adds fewer a message
HTTP_THREADS = 40
CHATS_AT_ONCE = 32  # fewer than the threads, so that /tokenize and /metrics always find one
NO_LIMIT_S = 1e9  # the client's limits hold; when it leaves, the request is closed
_PATIENT = Timeouts(first_token_s=NO_LIMIT_S, between_tokens_s=NO_LIMIT_S, total_s=NO_LIMIT_S)


class _Adapter(msgspec.Struct, frozen=True):
    """A file as it was when loaded: one that changed is another adapter."""

    path: Path
    modified_ns: int
    size_bytes: int


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Timings(msgspec.Struct, frozen=True):
    cache_n: int = 0
    prompt_n: int = 0
    predicted_n: int = 0


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Event(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []
    timings: _Timings | None = None
    error: _Error | None = None


class XllamacppEngine:
    def __init__(self, settings: EngineSettings, model: gguf_file.GgufFile) -> None:
        self._settings = settings
        self._model = model
        self._adapters: list[_Adapter] = []
        self._server: Any = None
        self._turnstile = Turnstile()
        self._room = Room(settings.cells)
        self._joining = Joining(self._ask, most=settings.parallel)
        self._chats = _session(settings.socket, CHATS_AT_ONCE)
        self._rest = _session(settings.socket, HTTP_THREADS - CHATS_AT_ONCE)
        self._decodes_before = 0

    @classmethod
    async def load(cls, settings: EngineSettings) -> "XllamacppEngine":
        model = await asyncio.to_thread(gguf_file.read, settings.model)
        engine = cls(settings, model)
        try:
            await engine._start()
        except ModelError:
            await engine.close()
            raise
        return engine

    async def generate(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        async with aclosing(self._joining.generate(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def count_tokens(self, texts: list[str]) -> list[int]:
        # Plainly tokenized, no text yields the token that ends texts: it keeps many texts apart in one call.
        end_of_text = int(self._model.metadata.get("tokenizer.ggml.eos_token_id", 0))
        body = {"content": [item for text in texts for item in (text, end_of_text)], "parse_special": False}
        async with (
            self._turnstile.passing(),
            self._rest.post("http://engine/tokenize", json=body) as response,
        ):
            tokens = (await response.json())["tokens"]
        ends = [at for at, token in enumerate(tokens) if token == end_of_text]
        return [end - start - 1 for start, end in zip([-1, *ends], ends, strict=False)]

    async def activity(self) -> Activity:
        async with self._turnstile.passing():
            now = await self._activity_now()
        return Activity(self._decodes_before + now.decodes, now.decoding)

    async def close(self) -> None:
        await self._joining.close()
        await self._chats.close()
        await self._rest.close()
        self._server = None

    async def _ask(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """One request to the server inside, with its adapter loaded."""
        adapter = await self._identified(request.lora)
        cells = await self._cells(request)
        while True:
            async with self._turnstile.passing():
                if adapter is None or adapter in self._adapters:
                    place = None if adapter is None else self._adapters.index(adapter)
                    body = _body(request, place, len(self._adapters))
                    async with self._room.taking(cells), aclosing(self._answer(body)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
            await self._load_adapter(adapter)

    async def _cells(self, request: ChatRequest) -> int:
        """What the request may come to take of the key-value cache. The server fails everybody when that is full."""
        prompt = sum(await self.count_tokens([turn.content for turn in request.messages]))
        return prompt + TEMPLATE_TOKENS * (len(request.messages) + 2) + request.n * request.max_tokens

    async def _answer(self, body: dict[str, Any]) -> AsyncGenerator[Piece, None]:
        call = Call(url="http://engine/v1/chat/completions", body=body, timeouts=_PATIENT, server="llama.cpp")
        wait = Wait(call.timeouts)
        try:
            async with posted(self._chats, call, wait) as response, aclosing(events(response, call, wait)) as found:
                async for event in found:
                    for piece in _pieces(event.data):
                        yield piece
        except ServerError as error:
            raise ModelError(error.said or str(error), retryable=error.retryable) from error

    async def _identified(self, path: str | None) -> _Adapter | None:
        if path is None:
            return None
        return await asyncio.to_thread(self._checked, Path(path))

    def _checked(self, path: Path) -> _Adapter:
        gguf_file.check_adapter(path, self._model)
        seen = path.stat()
        return _Adapter(path.resolve(), seen.st_mtime_ns, seen.st_size)

    async def _load_adapter(self, adapter: _Adapter) -> None:
        """Load the model again with `adapter` beside those it has, once the requests under way are done."""
        async with self._turnstile.closed():
            if adapter in self._adapters:
                return
            before = self._adapters
            kept = [known for known in before if known.path != adapter.path][1 - ADAPTERS_KEPT :]
            self._decodes_before += (await self._activity_now()).decodes
            self._adapters = [*kept, adapter]
            try:
                await self._start()
            except ModelError as error:
                self._adapters = before
                await self._start()
                raise ModelError(f"llama.cpp refuses adapter {adapter.path}: see the worker's log") from error

    async def _start(self) -> None:
        self._server = None  # its destructor ends the server that was
        self._settings.socket.unlink(missing_ok=True)
        parameters = _parameters(self._settings, [str(adapter.path) for adapter in self._adapters])
        try:
            self._server = await asyncio.to_thread(xllamacpp.Server, parameters)
        except RuntimeError as error:
            raise ModelError(f"llama.cpp refuses {self._settings.model}: see the worker's log") from error

    async def _activity_now(self) -> Activity:
        """Of the server inside, since it was started."""
        async with self._rest.get("http://engine/metrics") as response:
            lines = [line.split() for line in (await response.text()).splitlines()]
        metrics = {line[0].removeprefix("llamacpp:"): line[1] for line in lines if len(line) == 2}
        return Activity(int(float(metrics["n_decode_total"])), int(float(metrics["requests_processing"])))


def _parameters(settings: EngineSettings, adapters: list[str]) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(settings.model)
    parameters.hostnames = [str(settings.socket)]
    parameters.n_ctx = settings.cells
    parameters.n_parallel = settings.parallel
    parameters.kv_unified = True
    parameters.kv_unified_per_slot = settings.context_tokens
    parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    parameters.n_threads_http = HTTP_THREADS
    parameters.fit_params = False
    parameters.warmup = False
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_metrics = True
    parameters.lora_init_without_apply = True
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in adapters]
    parameters.verbosity = 2
    return parameters


def _body(request: ChatRequest, adapter: int | None, adapters: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": msgspec.to_builtins(request.messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "n": request.n,
        "stream": True,
        # An event per batch of the prompt: it is by writing that the server notices who has left.
        "return_progress": True,
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stops:
        body["stop"] = request.stops
    if request.grammar is not None:
        body["grammar"] = request.grammar
    # All of them, the unused ones too: a list that leaves adapters out leaves them as they were.
    body["lora"] = [{"id": number, "scale": float(number == adapter)} for number in range(adapters)]
    return body


def _pieces(data: str) -> list[Piece]:
    """What one event of the inner server says."""
    if data == "[DONE]":
        return []
    event = msgspec.json.decode(data, type=_Event)
    if event.error is not None:
        raise ModelError(f"llama.cpp stopped: {event.error.message}", retryable=True)
    counted = event.timings or _Timings()
    prompt = counted.cache_n + counted.prompt_n
    return [
        Piece(
            index=choice.index,
            text=choice.delta.content or "",
            finish=choice.finish_reason,
            # All but the first candidate share the first one's prompt, which the server counts as nothing reused.
            usage=Usage(prompt, prompt if choice.index else counted.cache_n, counted.predicted_n)
            if choice.finish_reason
            else None,
        )
        for choice in event.choices
        if choice.delta.content or choice.finish_reason
    ]


def _session(socket: Path, connections: int) -> aiohttp.ClientSession:
    connector = aiohttp.UnixConnector(str(socket), limit=connections)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
