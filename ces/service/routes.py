"""The HTTP application: paths to the queue and the board. It holds no state of its own.

POST /v1/check     one CheckRequest -> a Verdict; many -> NDJSON, or server-sent events when asked for
GET  /v1/bases     the bases, the last used first; `copies`: how many processes or nodes have one of their own
GET  /v1/health    503 while it drains
GET  /v1/events    snapshots for the page, server-sent
GET  /metrics      Prometheus text
GET  /             the page; POST /login gives it its cookie
"""

import asyncio
import importlib.resources
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import msgspec
from aiohttp import web

from ces import VERSION
from ces.service import wire
from ces.service.access import COOKIE, Access
from ces.service.board import Board
from ces.service.metrics import Metrics
from ces.service.queue import Queue, Refused, Submission, reason
from ces.service.settings import ServiceSettings

log = logging.getLogger(__name__)

LARGE_BYTES = 256 * 1024  # decoding more than this is not done on the loop
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"
_EVERYWHERE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Login(msgspec.Struct, forbid_unknown_fields=True):
    token: str


class Routes:
    def __init__(self, settings: ServiceSettings, access: Access, queue: Queue, board: Board, metrics: Metrics) -> None:
        self._settings = settings
        self._access = access
        self._queue = queue
        self._board = board
        self._metrics = metrics
        self._page = importlib.resources.files("ces.service").joinpath("page.html").read_text("utf-8")

    def application(self) -> web.Application:
        app = web.Application(client_max_size=self._settings.body_bytes, middlewares=[self._guard])
        app.on_response_prepare.append(_secure)
        app.add_routes(
            [
                web.post("/v1/check", self._check),
                web.get("/v1/bases", self._bases),
                web.get("/v1/health", self._health),
                web.get("/v1/events", self._events),
                web.get("/metrics", self._metrics_text),
                web.get("/", self._index),
                web.post("/login", self._login),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = self._access.refusal(request)
        if refusal is not None:
            return self._refused(*refusal)
        try:
            return await handler(request)
        except web.HTTPException as error:
            return self._refused(error.status, (error.text or error.reason).partition("\n")[0])
        except ConnectionError:
            raise  # the client is gone, and aiohttp knows
        except Exception:
            log.exception("a request failed in a way nobody thought of")
            return self._refused(500, "the service failed: its log says how")

    async def _check(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        header_key = request.headers.get("Idempotency-Key")
        if len(body) > LARGE_BYTES:
            asked = await asyncio.to_thread(wire.read, body, header_key)
        else:
            asked = wire.read(body, header_key)
        if isinstance(asked, wire.Malformed):
            return self._refused(400, asked.reason)
        size = len(body)
        del body
        submission = self._queue.submit(asked.requests, size)
        if isinstance(submission, Refused):
            return self._refused(submission.status, submission.reason, submission.retry_s)
        keys = [each.key for each in asked.requests]
        many = asked.many
        del asked  # whole texts: from here on only the queue holds those it still needs
        try:
            return await (self._streamed(request, submission, keys) if many else self._single(submission))
        finally:
            self._queue.leave(submission)

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._settings.read_timeout_s):
                return await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="the body took too long to come") from None

    async def _single(self, submission: Submission) -> web.StreamResponse:
        _, answer = await submission.next()
        response = web.Response(status=answer.status, body=answer.body, content_type="application/json")
        if answer.status == 503:
            response.headers["Retry-After"] = str(self._queue.retry_s(1))
        return response

    async def _streamed(
        self, request: web.Request, submission: Submission, keys: list[str | None]
    ) -> web.StreamResponse:
        events = EVENTS in request.headers.get("Accept", "")
        response = web.StreamResponse(headers={"Content-Type": EVENTS if events else NDJSON})
        await response.prepare(request)
        given = 0
        while given < submission.size:
            ended = [await submission.next(), *submission.ready()]
            given += len(ended)
            lines = (wire.line(index, keys[index], answer) for index, answer in ended)
            await response.write(b"".join(wire.as_event("verdict", line) if events else line + b"\n" for line in lines))
        if events:
            await response.write(wire.as_event("end", b"{}"))
        await response.write_eof()
        return response

    async def _bases(self, request: web.Request) -> web.Response:
        return _json({"bases": await self._board.bases()})

    async def _health(self, request: web.Request) -> web.Response:
        snapshot = await self._board.snapshot(self._queue, self._state())
        found = {
            "status": snapshot.state,
            "version": VERSION,
            "workers": len(snapshot.workers),
            "busy": sum(worker is not None for worker in snapshot.workers),
            "in_hand": snapshot.in_hand,
            "queue": {"waiting": snapshot.waiting, "limit": snapshot.waiting_limit},
        }
        return _json(found, 503 if self._queue.draining else 200)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": EVENTS})
        await response.prepare(request)
        async with aclosing(self._board.snapshots(self._queue, self._state)) as snapshots:
            async for snapshot in snapshots:
                await response.write(wire.as_event("snapshot", msgspec.json.encode(snapshot)))
        return response

    async def _metrics_text(self, request: web.Request) -> web.Response:
        await self._board.bases()
        return web.Response(body=self._metrics.text(), headers={"Content-Type": PROMETHEUS})

    async def _index(self, request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        response = web.Response(text=self._page.replace("{{nonce}}", nonce), content_type="text/html")
        response.headers["Content-Security-Policy"] = _PAGE_POLICY.format(nonce=nonce)
        return response

    async def _login(self, request: web.Request) -> web.Response:
        try:
            given = msgspec.json.decode(await self._body(request), type=_Login)
        except msgspec.DecodeError as error:
            return self._refused(400, f"the body can't be read: {error}")
        session = self._access.session(given.token)
        if session is None:
            return self._refused(401, "that is not the token")
        response = _json({})
        response.set_cookie(COOKIE, session, httponly=True, samesite="Strict", secure=request.secure, path="/")
        return response

    def _state(self) -> str:
        return "draining" if self._queue.draining else "ok"

    def _refused(self, status: int, told: str, retry_s: int | None = None) -> web.Response:
        self._metrics.refused(status)
        response = web.Response(status=status, body=reason(told), content_type="application/json")
        if retry_s is not None:
            response.headers["Retry-After"] = str(retry_s)
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="ces"'
        return response


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _EVERYWHERE.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "ces"


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
