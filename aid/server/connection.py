"""One client: its requests in flight, what the daemon asks of it, and what the session layer may do to it.

Every request gets exactly one answer, an error where need be, and each is a task of its own: cancelling one, or the
client's going away, stops that client's work and no other's. `initialize` adds an LSP session; `aid/…` needs none.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from aid.errors import AidError
from aid.framing import Fault
from aid.protocol import UpdateParams
from aid.server import lsp, message
from aid.server.host import Host
from aid.server.lsp import LanguageSession
from aid.server.message import Answer, Call, Id, Malformed, RpcError
from aid.server.peer import PeerError
from aid.server.routes import Route, read_params
from aid.server.wire import Limits, Wire
from aid.session.client import OpenDocument
from ces.change import FileChange

log = logging.getLogger("aid.server")

_numbers = itertools.count(1)


class _CancelParams(msgspec.Struct):
    id: int | str


_CANCEL = msgspec.json.Decoder(_CancelParams)


class Connection:
    """Implements `aid.session.client.Client`; `aid.server.wire.Wire` feeds it."""

    def __init__(
        self, host: Host, routes: Mapping[str, Route], limits: Limits, forget: Callable[[Connection], None]
    ) -> None:
        self.number = next(_numbers)
        self._host = host
        self.closed = asyncio.Event()
        self.draining = False
        self.wire = Wire(self, limits)
        self._routes = routes
        self._limits = limits
        self._forget = forget
        self._running: dict[Id, asyncio.Task[Any]] = {}
        self._asked: dict[Id, asyncio.Future[msgspec.Raw]] = {}
        self._ask_numbers = itertools.count(1)
        self._lsp: LanguageSession | None = None

    # What the session layer sees.

    def documents(self) -> Mapping[Path, OpenDocument]:
        return self._lsp.documents() if self._lsp is not None else {}

    def update(self, params: UpdateParams) -> None:
        self.notify("aid/update", params)

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        if self._lsp is None:
            return "this client takes no edits: it did not send 'initialize'"
        return await self._lsp.apply_edit(root, changes, label)

    # What the rest of the server uses.

    @property
    def running(self) -> list[asyncio.Task[Any]]:
        return list(self._running.values())

    def notify(self, method: str, params: Any) -> None:
        self.wire.send(message.call_body(method, params))

    async def ask(self, method: str, params: Any, timeout_s: float) -> msgspec.Raw:
        """Send a request to the client; its result, still to be read. Raises PeerError."""
        if self.closed.is_set():
            raise PeerError("the client went away")
        identity = f"aid-{next(self._ask_numbers)}"
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._asked[identity] = answer
        self.wire.send(message.call_body(method, params, identity))
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as late:
            raise PeerError(f"the client did not answer {method} within {timeout_s:g} s") from late
        finally:
            del self._asked[identity]

    # What the wire says.

    def received(self, body: bytes) -> None:
        match message.parse(body):
            case Call(id=None) as call:
                self._notified(call)
            case Call() as call:
                self._requested(call)
            case Answer() as answer:
                self._answered_us(answer)
            case Malformed() as fault:
                log.warning("malformed message", extra={"client": self.number, "code": fault.code})
                self.wire.send(message.error_body(fault.id, fault.code, fault.message))

    def faulted(self, fault: Fault) -> None:
        log.warning("unreadable stream", extra={"client": self.number, "fatal": fault.fatal})
        code = message.PARSE_ERROR if fault.fatal else message.INVALID_REQUEST
        self.wire.send(message.error_body(None, code, fault.reason))
        if fault.fatal:
            self.wire.close()

    def lost(self) -> None:
        self.closed.set()
        self._forget(self)
        for task in self.running:
            task.cancel()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(PeerError("the client went away"))
        if self._lsp is not None:
            self._lsp.close()

    # Requests.

    def _requested(self, call: Call) -> None:
        identity = call.id
        assert identity is not None
        refusal = self._refusal(call, identity)
        if refusal is not None:
            self.wire.send(message.error_body(identity, refusal.code, str(refusal)))
            return
        if call.method == "initialize" and self._lsp is not None:
            # At once, not from a task: until it is answered, nothing else may be sent.
            self.wire.send(message.result_body(identity, self._lsp.initialize_result()))
            return
        task = asyncio.get_running_loop().create_task(self._serve(call))
        self._running[identity] = task
        # Answered from the callback: a task cancelled before its first step never runs a line of its own.
        task.add_done_callback(partial(self._finished, call, time.monotonic()))

    def _refusal(self, call: Call, identity: Id) -> RpcError | None:
        if identity in self._running:
            return RpcError(message.INVALID_REQUEST, f"a request with the id {identity!r} is still being answered")
        if len(self._running) >= self._limits.in_flight:
            return RpcError(AidError.rpc_code, f"{len(self._running)} requests of this client are waiting: ask later")
        if self.draining:
            return RpcError(AidError.rpc_code, "the daemon is ending: connect again")
        if call.method == "initialize":
            return self._open_session(call)
        return None

    async def _serve(self, call: Call) -> Any:
        route = self._routes.get(call.method)
        if route is not None:
            return await self._serve_aid(route, call)
        if call.method in lsp.REQUESTS:
            if self._lsp is None:
                raise RpcError(message.SERVER_NOT_INITIALIZED, "send 'initialize' first")
            return await self._lsp.request(call.method, call.params)
        raise RpcError(message.METHOD_NOT_FOUND, f"there is no method {call.method!r}")

    async def _serve_aid(self, route: Route, call: Call) -> Any:
        params = read_params(route.params, call.params)
        if self._lsp is None or call.method != "aid/prompt":
            return await route.serve(params, self)
        async with self._lsp.progress_of(call.params, "AID") as client:
            return await route.serve(params, client)

    def _open_session(self, call: Call) -> RpcError | None:
        """Documents that follow in the same breath must find their session."""
        if self._lsp is not None:
            return RpcError(message.INVALID_REQUEST, "'initialize' was already sent")
        try:
            self._lsp = LanguageSession(self, self._host, read_params(lsp.INITIALIZE, call.params))
        except RpcError as malformed:
            return malformed
        return None

    def _finished(self, call: Call, started: float, task: asyncio.Task[Any]) -> None:
        assert call.id is not None
        del self._running[call.id]
        code, body = _outcome(call, call.id, task)
        self.wire.send(body)
        log.info(
            "answered",
            extra={
                "client": self.number,
                "method": call.method,
                "ms": round((time.monotonic() - started) * 1000, 2),
                **({"code": code} if code else {}),
                "text": (call.params, body),
            },
        )

    # Notifications and answers.

    def _notified(self, call: Call) -> None:
        if call.method == "$/cancelRequest":
            self._cancel(call)
        elif call.method == "exit":
            self.wire.close()
        elif self._lsp is not None:
            self._told_editor_news(self._lsp, call)
        else:
            log.debug("ignored a notification", extra={"client": self.number, "method": call.method})

    def _told_editor_news(self, session: LanguageSession, call: Call) -> None:
        """The one guard of a notification, which nobody could be answered."""
        try:
            session.notified(call.method, call.params)
        except Exception as error:
            log.error("internal error", extra={"method": call.method}, exc_info=error)

    def _cancel(self, call: Call) -> None:
        try:
            identity = read_params(_CANCEL, call.params).id
        except RpcError:
            log.warning("malformed $/cancelRequest", extra={"client": self.number})
            return
        task = self._running.get(identity)
        if task is not None:
            task.cancel()

    def _answered_us(self, answer: Answer) -> None:
        waiting = self._asked.get(answer.id) if answer.id is not None else None
        if waiting is None or waiting.done():
            log.debug("an answer to nothing we asked", extra={"client": self.number})
        elif answer.error is None:
            waiting.set_result(answer.result)
        else:
            waiting.set_exception(PeerError(f"the client refused: {_error_text(answer.error)}"))


def _outcome(call: Call, identity: Id, task: asyncio.Task[Any]) -> tuple[int, bytes]:
    """The error code (0: none) and the answer's body. The one guard of a request: nothing gets past it."""
    if task.cancelled():
        return message.REQUEST_CANCELLED, message.error_body(identity, message.REQUEST_CANCELLED, "cancelled")
    error = task.exception()
    if error is None:
        try:
            return 0, message.result_body(identity, task.result())
        except Exception as unsendable:
            error = unsendable
    if isinstance(error, RpcError):
        return error.code, message.error_body(identity, error.code, str(error))
    if isinstance(error, AidError):
        data = {"kind": type(error).__name__}
        return error.rpc_code, message.error_body(identity, error.rpc_code, str(error), data)
    log.error("internal error", extra={"method": call.method}, exc_info=error)
    told = f"internal error in {call.method} ({type(error).__name__}): see 'aid logs'"
    return message.INTERNAL_ERROR, message.error_body(identity, message.INTERNAL_ERROR, told)


def _error_text(error: msgspec.Raw) -> str:
    try:
        found = msgspec.json.decode(error)
        return str(found["message"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return "it did not say why"
