"""One client: its requests in flight, and what the session layer may do to it.

Every request gets exactly one answer, an error where need be, and what takes time is a task of its own: cancelling
one, or the client's going away, stops that client's work and no other's. `aid/…` is served from here; `initialize`
makes the client an editor, which pygls speaks LSP with.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aid import __version__, attach
from aid.errors import AidError
from aid.framing import Fault
from aid.protocol import UpdateParams
from aid.server import message
from aid.server.attached import Attached, read_attach
from aid.server.host import Host
from aid.server.message import Answer, Call, Id, Malformed, RpcError
from aid.server.routes import Route, read_params
from aid.server.wire import Limits, Wire
from aid.session.client import OpenDocument
from aid.session.identity import IDENTITY
from aid.session.kept import Kept
from aid.wording import update_line
from ces.change import FileChange

if TYPE_CHECKING:
    from aid.server.lsp import Editor

LSP_MODULE = "aid.server.lsp"
BEGINNINGS = frozenset({attach.ATTACH, "initialize"})
LSP_REQUESTS = frozenset({"shutdown", "textDocument/codeAction", "workspace/executeCommand"})

Done = Callable[[Any], None]

log = logging.getLogger("aid.server")

_numbers = itertools.count(1)


class _CancelParams(msgspec.Struct):
    id: int | str


class _ProgressParams(msgspec.Struct, rename="camel"):
    """LSP 3.17, WorkDoneProgressParams."""

    work_done_token: int | str | None = None


_CANCEL = msgspec.json.Decoder(_CancelParams)
_PROGRESS = msgspec.json.Decoder(_ProgressParams)


class Connection:
    """Implements `aid.session.client.Client`; `aid.server.wire.Wire` feeds it."""

    def __init__(
        self,
        host: Host,
        routes: Mapping[str, Route],
        limits: Limits,
        forget: Callable[[Connection], None],
        kept: Kept | None = None,
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
        self._kept = kept or Kept()
        self._bridge: Attached | None = None
        self._handing_over = False
        self._editor: Editor | None = None
        self._loading: asyncio.Task[Any] | None = None
        self._held: list[bytes] = []

    # What the session layer sees.

    def documents(self) -> Mapping[Path, OpenDocument]:
        return self._editor.documents() if self._editor is not None else {}

    def update(self, params: UpdateParams) -> None:
        """Every update goes this way, so here it gets its words."""
        line = update_line(params)
        self.notify("aid/update", msgspec.structs.replace(params, line=line) if line else params)

    def changed(self, root: Path) -> None:
        if self._editor is not None:
            self._editor.changed(root)

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        if self._editor is None:
            return "this client takes no edits: it did not send 'initialize'"
        return await self._editor.apply_edit(root, changes, label)

    async def made_edit(self) -> bool:
        return self._editor is not None and await self._editor.made_edit()

    # What the rest of the server uses.

    @property
    def running(self) -> list[asyncio.Task[Any]]:
        """What is being done for the client; it can be waited for and cancelled."""
        return [*self._running.values(), *([self._loading] if self._loading is not None else [])]

    def notify(self, method: str, params: Any) -> None:
        self.wire.send(message.call_body(method, params))

    @property
    def bridged(self) -> bool:
        """Whether a bridge is at the other end, which asks the next daemon what this one leaves undone."""
        return self._bridge is not None

    def hand_over(self) -> None:
        """Take on nothing more, and leave what is then cancelled unanswered: the next daemon will be asked it."""
        self._handing_over = True

    def say_ending(self, *, restart: bool) -> None:
        """The last word, to a bridge."""
        dropped = () if self._handing_over else tuple(self._running)
        self.notify(attach.ENDING, attach.EndingParams(restart=restart, dropped=dropped))

    def start(self, identity: Id, work: Coroutine[Any, Any, Any], done: Done) -> None:
        """Do a request's work as a task; `done` is told even of one cancelled before its first step."""
        context = copy_context()
        if self._bridge is not None:
            context.run(IDENTITY.set, self._bridge.identity(identity))
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._running[identity] = task
        task.add_done_callback(done)

    def finished(
        self, call: Call, started: float, plain: Callable[[Any], Any], task: asyncio.Future[Any] | Future[Any]
    ) -> None:
        """Answer a request, with `plain` of its result; of a notification, tell the log what went wrong."""
        code, body = _outcome(call, task, plain)
        if call.id is None:
            return
        self._running.pop(call.id, None)
        if task.cancelled() and self._is_left(call):
            return
        if self._bridge is not None and not task.cancelled():
            self._bridge.keep(call, body)
        self.wire.send(body)
        told = {"client": self.number, "method": call.method, "ms": round((time.monotonic() - started) * 1000, 2)}
        log.info("answered", extra=told | ({"code": code} if code else {}) | {"text": (call.params, body)})

    # What the wire says.

    def received(self, body: bytes) -> None:
        if self._loading is not None:
            self._held.append(body)
            return
        match message.parse(body):
            case Call() if self._handing_over:
                return
            case Call(id=None) as call:
                self._notified(call)
            case Call() as call if self._is_asked_anew(call):
                return
            case Call() as call:
                self._requested(call, call.id)
            case Answer() as answer:
                if self._editor is not None:
                    self._editor.protocol.answered(answer.id, answer.body)
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
        if self._editor is not None:
            self._editor.lost()

    # Requests.

    def _requested(self, call: Call, identity: Id | None) -> None:
        assert identity is not None
        try:
            self._refuse(call, identity)
            answer = self._bridge.answer(identity) if self._bridge is not None else None
            if answer is not None:
                self.wire.send(answer)
                return
            route = self._routes.get(call.method)
            if route is not None:
                done = partial(self.finished, call, time.monotonic(), lambda result: result)
                self.start(identity, self._serve_aid(route, call), done)
            elif call.method == attach.ATTACH:
                self._attach(call)
            elif call.method == "initialize":
                self._initialize(call)
            elif self._editor is not None:
                self._editor.protocol.received(call)
            elif call.method in LSP_REQUESTS:
                raise RpcError(message.SERVER_NOT_INITIALIZED, "send 'initialize' first")
            else:
                raise RpcError(message.METHOD_NOT_FOUND, f"there is no method {call.method!r}")
        except RpcError as refused:
            self.wire.send(message.error_body(identity, refused.code, str(refused)))

    def _is_asked_anew(self, call: Call) -> bool:
        """Whether a bridge will ask the next daemon, since this one is ending; save for `shutdown`, the editor's own
        end, which needs no other."""
        return self.draining and call.method != "shutdown" and (self.bridged or call.method == attach.ATTACH)

    def _is_left(self, call: Call) -> bool:
        """Whether a request that was cancelled goes unanswered, so that it is asked anew: what a stop cancels doesn't,
        save for the beginnings, without which nothing more can be asked."""
        return self._handing_over or (call.method in BEGINNINGS and self._is_asked_anew(call))

    def _refuse(self, call: Call, identity: Id) -> None:
        """Raises RpcError for what can't be served now, whatever it is."""
        if identity in self._running:
            raise RpcError(message.INVALID_REQUEST, f"a request with the id {identity!r} is still being answered")
        if len(self._running) >= self._limits.in_flight:
            raise RpcError(AidError.rpc_code, f"{len(self._running)} requests of this client are waiting: ask later")
        if self.draining and call.method != "shutdown":
            raise RpcError(AidError.rpc_code, "the daemon is ending: connect again")

    async def _serve_aid(self, route: Route, call: Call) -> Any:
        params = read_params(route.params, call.params)
        if self._editor is None or call.method != "aid/prompt":
            return await route.serve(params, self)
        token = read_params(_PROGRESS, call.params).work_done_token
        async with self._editor.progress_of(token, "AID") as client:
            return await route.serve(params, client)

    # The editor.

    def _initialize(self, call: Call) -> None:
        """At once where pygls is there: documents that follow in the same breath must find their editor."""
        if self._editor is not None:
            raise RpcError(message.INVALID_REQUEST, "'initialize' was already sent")
        module = sys.modules.get(LSP_MODULE)
        if not hasattr(module, "Editor"):  # not there, or another connection's thread is at it
            self._load(call)
            return
        from aid.server.lsp import Editor

        editor = Editor(self, self._host)
        editor.protocol.received(call)
        self._editor = editor if editor.opened else None

    def _load(self, call: Call) -> None:
        """Import pygls in a thread while others are served; what this client sends meanwhile is held, in order."""
        self._hold(asyncio.to_thread(importlib.import_module, LSP_MODULE), [call.body], partial(self._loaded, call))

    def _loaded(self, call: Call, loading: asyncio.Task[Any]) -> None:
        if loading.cancelled() or loading.exception() is not None:
            self.finished(call, time.monotonic(), lambda result: result, loading)
            del self._held[0]

    # The bridge.

    def _attach(self, call: Call) -> None:
        if self._bridge is not None or self._editor is not None:
            raise RpcError(message.INVALID_REQUEST, f"'{attach.ATTACH}' comes first, and once")
        opening = asyncio.to_thread(Attached.open, read_attach(call), self._kept)
        self._hold(opening, [], partial(self._attached, call))

    def _attached(self, call: Call, opening: asyncio.Task[Attached]) -> None:
        def plain(bridge: Attached) -> attach.AttachResult:
            return attach.AttachResult(protocol=attach.VERSION, version=__version__, pid=os.getpid())

        self.finished(call, time.monotonic(), plain, opening)
        if not opening.cancelled() and opening.exception() is None:
            self._bridge = opening.result()

    def _hold(self, work: Awaitable[Any], held: list[bytes], ready: Callable[[asyncio.Task[Any]], None]) -> None:
        """Read nothing until `work` is done; what was read already is `held`, in order, until `ready` was called."""

        def released(task: asyncio.Task[Any]) -> None:
            self._loading = None
            if self.closed.is_set():
                return
            ready(task)
            waiting, self._held = self._held, []
            for body in waiting:
                self.received(body)
            self.wire.resume()

        self.wire.pause()
        self._held = held
        self._loading = asyncio.ensure_future(work)
        self._loading.add_done_callback(released)

    # Notifications.

    def _notified(self, call: Call) -> None:
        if call.method == "$/cancelRequest":
            self._cancel(call)
        elif call.method == attach.DELIVERED and self._bridge is not None:
            self._bridge.delivered(call)
        elif call.method == "exit":
            if self._bridge is not None:
                self._bridge.left()
            self.wire.close()  # of this connection only; pygls would end the process
        elif self._editor is not None:
            self._told(self._editor, call)
        else:
            log.debug("ignored a notification", extra={"client": self.number, "method": call.method})

    def _told(self, editor: Editor, call: Call) -> None:
        try:
            editor.protocol.received(call)
        except RpcError as error:
            log.warning("ignored a notification", extra={"method": call.method, "code": error.code})
            unknown = message.unknown_text(call.body)
            if unknown is not None and unknown.body != call.body:
                self._told(editor, unknown)

    def _cancel(self, call: Call) -> None:
        try:
            identity = read_params(_CANCEL, call.params).id
        except RpcError:
            log.warning("malformed $/cancelRequest", extra={"client": self.number})
            return
        task = self._running.get(identity)
        if task is not None:
            task.cancel()


def _outcome(call: Call, task: asyncio.Future[Any] | Future[Any], plain: Callable[[Any], Any]) -> tuple[int, bytes]:
    """The error code (0: none) and the answer's body. The one guard of a request: nothing gets past it."""
    identity = call.id
    if task.cancelled():
        return message.REQUEST_CANCELLED, message.error_body(identity, message.REQUEST_CANCELLED, "cancelled")
    error = task.exception()
    if error is None:
        try:
            return 0, message.result_body(identity, plain(task.result()))
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
