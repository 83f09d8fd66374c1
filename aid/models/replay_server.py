"""A real HTTP server that plays recorded replies: OpenAI's chat completions and Anthropic's messages, streamed or not.

For tests and benches; it adds no latency of its own. `python -m aid.models.replay_server --replies FILE [--port 0 |
--socket PATH]` prints its port (or socket) on one line and serves until it is ended.

    POST /v1/chat/completions  /v1/messages      the replies (see `recording`)
    GET  /v1/models                              one model, "replay"
    POST /tokenize                               llama-server's, with --tokenize: a token for every four bytes
    POST /release {"name": "go"}                 lets replies past their {"wait": "go"}
    GET  /stats                                  {"requests", "answered", "disconnects", "running"}; with
                                                 ?disconnects=2 (or another count) it answers once that is reached
"""

import argparse
import asyncio
import signal
import ssl
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
from aiohttp import web

from aid.errors import ModelError
from aid.models.backend import Message
from aid.models.recording import Piece, Recording, Recordings, read

KEPT_REQUESTS = 1000


class Seen(msgspec.Struct, frozen=True):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Stats(msgspec.Struct):
    requests: int = 0
    answered: int = 0
    disconnects: int = 0
    running: int = 0


class ReplayServer:
    """`async with ReplayServer(recordings) as server`: serves on loopback (`url`) or on a unix socket.

    `refuse` names body fields it answers 400 to, as strict servers do; `secure` is its certificate.
    """

    def __init__(
        self,
        recordings: Recordings,
        *,
        port: int = 0,
        socket: Path | None = None,
        refuse: tuple[str, ...] = (),
        tokenize: bool = False,
        secure: ssl.SSLContext | None = None,
    ) -> None:
        self.stats = Stats()
        self.seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self.port = port
        self._recordings = recordings
        self._socket = socket
        self._secure = secure
        self._refuse = refuse
        self._released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._changed = asyncio.Event()
        self._runner = web.AppRunner(
            self._app(tokenize), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )

    @property
    def url(self) -> str:
        scheme = "http" if self._secure is None else "https"
        return f"unix:{self._socket}" if self._socket else f"{scheme}://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        if self._socket is not None:
            await web.UnixSite(self._runner, str(self._socket)).start()
        else:
            await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._secure).start()
            self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *raised: object) -> None:
        for event in self._released.values():
            event.set()
        await self._runner.cleanup()

    def release(self, name: str) -> None:
        self._released[name].set()

    async def until(self, **counts: int) -> Stats:
        """Wait until each named count of `stats` is reached: `until(disconnects=1)`."""
        while any(getattr(self.stats, name) < count for name, count in counts.items()):
            await self._changed.wait()
        return self.stats

    def _app(self, tokenize: bool) -> web.Application:
        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._serving(_openai_reply, _openai_frames))
        app.router.add_post("/v1/messages", self._serving(_anthropic_reply, _anthropic_frames))
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/release", self._release)
        app.router.add_get("/stats", self._stats)
        if tokenize:
            app.router.add_post("/tokenize", self._tokenize)
        return app

    def _serving(self, reply: "Reply", frames: "Frames") -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self._count(requests=1, running=1)
            try:
                response = await self._answer(request, reply, frames)
                self._count(answered=1)
                return response
            except asyncio.CancelledError:
                self._count(disconnects=1)
                raise
            except ConnectionResetError:
                self._count(disconnects=1)
                return web.Response(status=499)  # to nobody
            finally:
                self._count(running=-1)

        return serve

    async def _answer(self, request: web.Request, reply: "Reply", frames: "Frames") -> web.StreamResponse:
        body = msgspec.json.decode(await request.read())
        self.seen.append(Seen(request.path, dict(request.headers), body))
        for field in self._refuse:
            if field in body:
                return _error(400, f"Unrecognized request argument supplied: {field}")
        try:
            line = self._recordings.pick(_messages(body))
        except ModelError as error:
            return _error(500, str(error))
        if line.status != 200:
            return web.Response(status=line.status, headers=line.headers, body=line.body.encode())
        if line.whole or not body.get("stream"):
            return web.Response(body=msgspec.json.encode(reply(line, body)), content_type="application/json")
        return await self._stream(request, line, frames(line, body))

    async def _stream(self, request: web.Request, line: Recording, frames: "Iterator[Piece]") -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.headers.update(line.headers)
        await response.prepare(request)
        ready: list[str] = []
        for step in frames:
            if step.wait is None and not step.drop:
                ready.append(step.raw or "")
                continue
            await response.write("".join(ready).encode())
            ready.clear()
            if step.drop:
                if request.transport is not None:
                    request.transport.abort()
                return response
            await self._released[step.wait or ""].wait()
        await response.write("".join(ready).encode())
        await response.write_eof()
        return response

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "replay", "object": "model"}]})

    async def _release(self, request: web.Request) -> web.Response:
        self.release((await request.json())["name"])
        return web.json_response({})

    async def _stats(self, request: web.Request) -> web.Response:
        await self.until(**{name: int(count) for name, count in request.query.items() if hasattr(self.stats, name)})
        return web.json_response(msgspec.structs.asdict(self.stats))

    async def _tokenize(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"].encode()
        return web.json_response({"tokens": list(range((len(content) + 3) // 4))})

    def _count(self, **counts: int) -> None:
        for name, count in counts.items():
            setattr(self.stats, name, getattr(self.stats, name) + count)
        self._changed.set()
        self._changed = asyncio.Event()


Reply = Callable[[Recording, dict[str, Any]], dict[str, Any]]
Frames = Callable[[Recording, dict[str, Any]], "Iterator[Piece]"]


def _messages(body: dict[str, Any]) -> list[Message]:
    """A request's messages as AID's own, Anthropic's system text first."""
    system = body.get("system")
    said = [{"role": "system", "content": system}] if system else []
    return [Message(message["role"], _text(message["content"])) for message in [*said, *body.get("messages", [])]]


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def _said(line: Recording) -> tuple[str, str]:
    """A reply's text and reasoning, without what only a stream can do."""
    return tuple("".join(getattr(step, part) for step in line.steps()) for part in ("text", "reasoning"))  # type: ignore[return-value]


def _sse(found: dict[str, Any], name: str = "") -> Piece:
    event = f"event: {name}\n" if name else ""
    return Piece(raw=f"{event}data: {msgspec.json.encode(found).decode()}\n\n")


def _openai_usage(line: Recording) -> dict[str, Any]:
    return {
        "prompt_tokens": line.prompt_tokens or 0,
        "completion_tokens": line.completion_tokens or 0,
        "prompt_tokens_details": {"cached_tokens": line.cached_tokens or 0},
    }


def _openai_reply(line: Recording, body: dict[str, Any]) -> dict[str, Any]:
    text, reasoning = _said(line)
    message = {"role": "assistant", "content": text, **({"reasoning_content": reasoning} if reasoning else {})}
    choice = {"index": 0, "message": message, "finish_reason": line.finish}
    return {"object": "chat.completion", "model": "replay", "choices": [choice], "usage": _openai_usage(line)}


def _openai_frames(line: Recording, body: dict[str, Any]) -> Iterator[Piece]:
    def frame(delta: dict[str, Any], finish: str | None = None) -> Piece:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _sse({"object": "chat.completion.chunk", "model": "replay", "choices": [choice]})

    yield frame({"role": "assistant", "content": ""})
    for step in line.steps():
        if step.wait is not None or step.drop or step.raw is not None:
            yield step
        else:
            yield frame({"content": step.text} if step.text else {"reasoning_content": step.reasoning})
    yield frame({}, line.finish)
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _sse({"object": "chat.completion.chunk", "choices": [], "usage": _openai_usage(line)})
    yield Piece(raw="data: [DONE]\n\n")


def _anthropic_usage(line: Recording) -> dict[str, int]:
    cached = line.cached_tokens or 0
    return {"input_tokens": (line.prompt_tokens or 0) - cached, "cache_read_input_tokens": cached}


def _anthropic_reply(line: Recording, body: dict[str, Any]) -> dict[str, Any]:
    text, reasoning = _said(line)
    content = [{"type": "thinking", "thinking": reasoning}] if reasoning else []
    usage = _anthropic_usage(line) | {"output_tokens": line.completion_tokens or 0}
    content.append({"type": "text", "text": text})
    return {"type": "message", "role": "assistant", "content": content, "stop_reason": line.finish, "usage": usage}


def _anthropic_frames(line: Recording, body: dict[str, Any]) -> Iterator[Piece]:
    usage = _anthropic_usage(line) | {"output_tokens": 1}
    start = {"type": "message_start", "message": {"role": "assistant", "content": [], "usage": usage}}
    yield _sse(start, "message_start")
    yield _sse({"type": "ping"}, "ping")
    for step in line.steps():
        if step.wait is not None or step.drop or step.raw is not None:
            yield step
            continue
        thought = {"type": "thinking_delta", "thinking": step.reasoning}
        delta = {"type": "text_delta", "text": step.text} if step.text else thought
        yield _sse({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
    spent = {"output_tokens": line.completion_tokens or 0}
    yield _sse({"type": "message_delta", "delta": {"stop_reason": line.finish}, "usage": spent}, "message_delta")
    yield _sse({"type": "message_stop"}, "message_stop")


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": status}}, status=status)


async def _serve(args: argparse.Namespace) -> None:
    server = ReplayServer(
        read(args.replies), port=args.port, socket=args.socket, refuse=tuple(args.refuse), tokenize=args.tokenize
    )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with server:
        print(server.url.removeprefix("unix:") if server.url.startswith("unix:") else server.port, flush=True)
        await ended.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="aid.models.replay_server", description="Play recorded replies over HTTP.")
    parser.add_argument("--replies", type=Path, required=True, help="JSON Lines; see aid/models/recording.py")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0: a free one")
    parser.add_argument("--socket", type=Path, help="a unix socket in place of a port")
    parser.add_argument("--refuse", action="append", default=[], metavar="FIELD", help="answer 400 to this field")
    parser.add_argument("--tokenize", action="store_true", help="offer llama-server's /tokenize")
    args = parser.parse_args()
    asyncio.run(_serve(args))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
