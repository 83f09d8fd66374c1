"""The worker's HTTP side: the OpenAI API over one engine. It decodes, checks, streams, counts; it knows no llama.cpp.

POST /v1/chat/completions   streamed or not; ends within one token of the client's leaving
POST /tokenize              {"texts": [...]} -> {"counts": [...]}
GET  /v1/models, /health    health: {"status", "pid", "engine", "model", "active", "decoding", "decodes"}
POST /shutdown
"""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
from aiohttp import web

from aid.errors import ModelError
from aid.models.worker.engine import ChatRequest, Engine, EngineSettings, Piece, Usage

MAX_BODY_BYTES = 64 * 1024 * 1024


class _Texts(msgspec.Struct):
    texts: list[str]


class WorkerServer:
    """`stopping` is set by /shutdown, and by `idle_s` seconds in which nobody asked for anything."""

    def __init__(self, engine: Engine, engine_name: str, settings: EngineSettings, idle_s: float) -> None:
        self.stopping = asyncio.Event()
        self._engine = engine
        self._engine_name = engine_name
        self._model_name = settings.model.name
        self._most = settings.parallel
        self._idle_s = idle_s
        self._active = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._wind()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._guarded])
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/health", self._health)
        app.router.add_post("/shutdown", self._shutdown)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Errors as OpenAI's error object, and the count of what is going on."""
        self._active += request.path != "/health"
        try:
            response: web.StreamResponse = await handler(request)
        except ModelError as error:
            response = _refusal(str(error), 503 if error.retryable else 400)
        except msgspec.DecodeError as error:
            response = _refusal(f"the request can't be read: {error}", 400)
        finally:
            self._active -= request.path != "/health"
            self._wind()
        return response

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read(), type=ChatRequest)
        if not 1 <= body.n <= self._most or body.max_tokens < 1 or not body.messages:
            raise ModelError(f"messages must not be empty, n be 1 to {self._most}, max_tokens at least 1")
        async with aclosing(self._engine.generate(body)) as pieces:
            if body.stream:
                return await self._streamed(request, body, pieces)
            return await self._whole(pieces)

    async def _streamed(
        self, request: web.Request, body: ChatRequest, pieces: AsyncGenerator[Piece, None]
    ) -> web.StreamResponse:
        head = self._head("chat.completion.chunk")
        # The first piece before the headers: what the engine refuses is answered with a status.
        first = await anext(pieces)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        used: list[Usage] = []
        try:
            await response.write(_event(head | {"choices": [_choice(first)]}))
            used += [first.usage] if first.usage else []
            async for piece in pieces:
                await response.write(_event(head | {"choices": [_choice(piece)]}))
                used += [piece.usage] if piece.usage else []
            if body.stream_options is not None and body.stream_options.include_usage:
                await response.write(_event(head | {"choices": [], "usage": _usage(used)}))
            await response.write(b"data: [DONE]\n\n")
        except ModelError as error:
            await response.write(_event({"error": _error(str(error), 503 if error.retryable else 400)}))
        await response.write_eof()
        return response

    async def _whole(self, pieces: AsyncGenerator[Piece, None]) -> web.Response:
        texts: dict[int, list[str]] = {}
        finishes: dict[int, str] = {}
        used: list[Usage] = []
        async for piece in pieces:
            texts.setdefault(piece.index, []).append(piece.text)
            if piece.finish:
                finishes[piece.index] = piece.finish
            used += [piece.usage] if piece.usage else []
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": "".join(texts[index])},
                "finish_reason": finishes[index],
            }
            for index in sorted(texts)
        ]
        return _json(self._head("chat.completion") | {"choices": choices, "usage": _usage(used)})

    async def _tokenize(self, request: web.Request) -> web.Response:
        texts = msgspec.json.decode(await request.read(), type=_Texts).texts
        return _json({"counts": await self._engine.count_tokens(texts) if texts else []})

    async def _models(self, _: web.Request) -> web.Response:
        return _json({"object": "list", "data": [{"id": self._model_name, "object": "model", "owned_by": "aid"}]})

    async def _health(self, _: web.Request) -> web.Response:
        activity = await self._engine.activity()
        return _json(
            {
                "status": "ok",
                "pid": os.getpid(),
                "engine": self._engine_name,
                "model": self._model_name,
                "active": self._active,
                "decoding": activity.decoding,
                "decodes": activity.decodes,
            }
        )

    async def _shutdown(self, _: web.Request) -> web.Response:
        self.stopping.set()
        return _json({"status": "stopping"})

    def _head(self, kind: str) -> dict[str, Any]:
        identity = f"chatcmpl-{uuid.uuid4().hex[:16]}"
        return {"id": identity, "object": kind, "created": int(time.time()), "model": self._model_name}

    def _wind(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(self._idle_s, self._idle)

    def _idle(self) -> None:
        if self._active:
            self._wind()
        else:
            self.stopping.set()


def _choice(piece: Piece) -> dict[str, Any]:
    delta = {"content": piece.text} if piece.text else {}
    return {"index": piece.index, "delta": delta, "finish_reason": piece.finish}


def _usage(used: list[Usage]) -> dict[str, Any]:
    """One prompt for all candidates; of it, `cached_tokens` were there before the request."""
    prompt = max(usage.prompt for usage in used)
    completion = sum(usage.completion for usage in used)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(usage.cached for usage in used)},
    }


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\n\n"


def _json(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json", status=status)


def _error(message: str, status: int) -> dict[str, Any]:
    kind = "invalid_request_error" if status == 400 else "server_error"
    return {"message": message, "type": kind, "code": status}


def _refusal(message: str, status: int) -> web.Response:
    return _json({"error": _error(message, status)}, status)
