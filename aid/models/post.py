"""One POST to a model server and its answer's body, with every way it can fail said in one line.

What comes in: an aiohttp session and a `Call`. What goes out: server-sent events, or one JSON body. It never follows
redirects (a key must not travel to where a server points) and never shows a key.
"""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import msgspec

from aid.models.address import server_name
from aid.models.retry import RETRYABLE_STATUS, ServerError, retry_after_s
from aid.models.sse import Event, Malformed, Parser
from aid.printable import one_line

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
DRAIN_S = 0.2
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|hf|gsk|xai)[-_][\w-]{8,}|(?i:bearer)\s+\S+")


# Compressed, an event stream comes in lumps.
_HEADERS = {
    "Accept": "text/event-stream, application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `first_token_s` counts from sending; `between_tokens_s` from one piece of answer to the next.

    Keep-alive comments are no pieces of answer, so a server that only sends those runs out of time.
    """

    connect_s: float = 10.0
    first_token_s: float = 60.0
    between_tokens_s: float = 60.0
    total_s: float = 120.0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What to send where. `server` is its name in messages; `advice` what to do when it refuses the key."""

    url: str
    body: dict[str, Any]
    headers: dict[str, str] = {}
    timeouts: Timeouts = Timeouts()
    server: str = "the model server"
    advice: str = "check the key"


class Wait:
    """How long the next piece may take, in the running loop's time. `progressed` starts the wait for another."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._last: float | None = None

    def progressed(self) -> None:
        self._last = self._loop.time()

    def until(self) -> float:
        return min(at for at, _ in self._bounds())

    def what_ran_out(self) -> str:
        return min(self._bounds())[1]

    def _bounds(self) -> tuple[tuple[float, str], tuple[float, str]]:
        limits = self._timeouts
        total = (self._started + limits.total_s, f"did not finish in {limits.total_s:.3g} s")
        if self._last is None:
            return (self._started + limits.first_token_s, f"sent nothing in {limits.first_token_s:.3g} s"), total
        return (self._last + limits.between_tokens_s, f"fell silent for {limits.between_tokens_s:.3g} s"), total


@asynccontextmanager
async def posted(session: aiohttp.ClientSession, call: Call, wait: Wait) -> AsyncIterator[aiohttp.ClientResponse]:
    """The response, once its status is 200; the connection is closed at the end unless its body was read whole."""
    with failures(call, wait):
        async with asyncio.timeout_at(wait.until()):
            try:
                response = await _sent(session, call)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError) as error:
                # Most likely a kept connection that the server was just closing: a fresh one says more.
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                response = await _sent(session, call)
    try:
        if response.status != 200:
            raise await _refusal(response, call, wait)
        yield response
    finally:
        response.close()  # gives a connection whose body was read whole back to the pool, and ends any other


async def _sent(session: aiohttp.ClientSession, call: Call) -> aiohttp.ClientResponse:
    return await session.post(
        call.url,
        data=msgspec.json.encode(call.body),
        headers=_HEADERS | call.headers,
        allow_redirects=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=call.timeouts.connect_s),
    )


async def events(
    response: aiohttp.ClientResponse, call: Call, wait: Wait, first: bytes = b""
) -> AsyncGenerator[Event, None]:
    """The body's events until it ends; `first` is what was read of it already.

    Raises ServerError when it breaks off or isn't an event stream.
    """
    parser = Parser()
    try:
        piece = first or await read(response, call, wait)
        while piece:
            for event in parser.feed(piece):
                yield event
            piece = await read(response, call, wait)
        for event in parser.close():
            yield event
    except Malformed as error:
        raise ServerError(f"{call.server} sent {error} in its event stream") from error


async def drain(response: aiohttp.ClientResponse) -> None:
    """Read what little follows the last event, so that the connection can be used again."""
    try:
        async with asyncio.timeout(DRAIN_S):
            while await response.content.readany():
                pass
    except (TimeoutError, aiohttp.ClientError):
        pass


async def whole(response: aiohttp.ClientResponse, call: Call, wait: Wait, first: bytes = b"") -> bytes:
    """The body, at most MAX_BODY_BYTES of it."""
    body = bytearray(first)
    while piece := await read(response, call, wait):
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise ServerError(f"{call.server} sent more than {MAX_BODY_BYTES} bytes")
    return bytes(body)


async def read(response: aiohttp.ClientResponse, call: Call, wait: Wait) -> bytes:
    """What has come of the body, at least one byte; empty at its end."""
    with failures(call, wait):
        async with asyncio.timeout_at(wait.until()):
            return await response.content.readany()


@contextmanager
def failures(call: Call, wait: Wait) -> Iterator[None]:
    """Turns what aiohttp and asyncio raise inside the block into a ServerError."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _failure(error, call, wait) from error


def _failure(error: Exception, call: Call, wait: Wait) -> ServerError:
    server = call.server
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        told = f"{server} took no connection in {call.timeouts.connect_s:.3g} s: is it up?"
        return ServerError(told, retryable=True, timed_out=True)
    if isinstance(error, TimeoutError):
        return ServerError(f"{server} {wait.what_ran_out()}: raise timeout_s or ask a faster model", timed_out=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ServerError(
            f"{server} showed a certificate that isn't trusted ({redacted(str(error), call)}): "
            "set SSL_CERT_FILE to your authority's file"
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return ServerError(f"{server} does not speak TLS as it should: is it http:// rather than https://?")
    if isinstance(error, aiohttp.InvalidURL):
        return ServerError(f"{server} is no address that can be called: correct base_url")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ServerError(f"{server} has no address: check base_url and the network", retryable=True)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ServerError(f"the proxy to {server} can't be reached: check HTTPS_PROXY and NO_PROXY", retryable=True)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ServerError(f"the proxy refused {server} ({error.status}): check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, aiohttp.ClientResponseError):
        return ServerError(f"{server} sent something that isn't HTTP: check base_url")
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = os.strerror(error.os_error.errno) if error.os_error.errno else type(error.os_error).__name__
        return ServerError(f"can't connect to {server} ({reason.lower()}): is it running?", retryable=True)
    return ServerError(f"{server} closed the connection before its answer ended: see its log", retryable=True)


async def _refusal(response: aiohttp.ClientResponse, call: Call, wait: Wait) -> ServerError:
    try:
        with failures(call, wait):
            async with asyncio.timeout_at(wait.until()):
                body = await response.content.read(MAX_ERROR_BYTES)
    except ServerError:
        body = b""
    return refused(response.status, error_text(body), call, response.headers)


def refused(status: int, said: str, call: Call, headers: Any = None) -> ServerError:
    """The error for a status other than 200, or for an error object in a 200. `said` is the server's message."""
    said = redacted(said, call)
    told = f": {said}" if said else ""
    headers = {} if headers is None else headers
    if 300 <= status < 400:
        place = server_name(headers.get("Location", ""))
        return ServerError(f"{call.server} redirects to {place}: set base_url to that", status=status)
    advice = {
        401: call.advice,
        403: call.advice,
        404: "check base_url and model",
        413: "lower context_tokens",
        429: "wait, or ask for a higher rate limit",
    }.get(status, "see the server's log" if status >= 500 else "check the model's settings in aid.toml")
    if "context" in said.lower() and status in (400, 413, 422):
        advice = "lower context_tokens"
    elif "grammar" in said.lower() and status in (400, 422):
        advice = "set grammar = false for this model in aid.toml"
    return ServerError(
        f"{call.server} answered {status}{told}; {advice}",
        retryable=status in RETRYABLE_STATUS,
        status=status,
        retry_after_s=retry_after_s(headers.get("Retry-After")),
        said=said,
    )


def error_text(body: bytes) -> str:
    """A server's own words out of an error body: OpenAI's, Anthropic's and FastAPI's shapes, a web page's title."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        text = body.decode(errors="replace")
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        if title:
            return f"a web page called {' '.join(title[1].split())!r}"
        return "a web page" if text.lstrip()[:1] == "<" else text
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()


def redacted(text: str, call: Call) -> str:
    """`text` on one line, short, printable, without the call's credentials or anything that looks like one."""
    for name, value in call.headers.items():
        secret = value.removeprefix("Bearer ")
        if name.lower() in ("authorization", "x-api-key") and secret:
            text = text.replace(secret, "***")
    text = one_line(" ".join(_KEY_LIKE.sub("***", text).split()))
    return text if len(text) <= 300 else text[:299] + "…"
