"""One JSON-RPC 2.0 peer, whatever carries its messages: its requests are served, ours are answered.

Used twice: for the editor (a message a line) and for the daemon (the LSP's framing). Every request gets exactly one
answer; what takes time is a task of its own. Notifications are heard at once and in order.
"""

import asyncio
import itertools
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from aid.errors import AidError, UsageError
from aid.server import message
from aid.server.message import Answer, Call, Id, Malformed, RpcError


class PeerError(Exception):
    """The peer's answer to a request of ours is an error. `kind`: the daemon's name for it, an AidError's class."""

    def __init__(self, code: int, told: str, kind: str = "") -> None:
        super().__init__(told)
        self.code = code
        self.kind = kind


class Then(msgspec.Struct, frozen=True):
    """A result, and what is to be sent right after it."""

    result: Any
    afterwards: Callable[[], None]


class _ErrorData(msgspec.Struct):
    kind: str = ""


class _Error(msgspec.Struct):
    code: int
    message: str
    data: msgspec.Raw = msgspec.Raw()


class _Answered(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


class _Cancel(msgspec.Struct, rename="camel"):
    """`id`: the LSP's; `requestId`: the Agent Client Protocol's."""

    id: Id | None = None
    request_id: Id | None = None


_ANSWERED = msgspec.json.Decoder(_Answered)
CANCELS = frozenset({"$/cancelRequest", "$/cancel_request"})


class Peer:
    """`send` takes a message's body. `serve` answers requests, `hear` takes notifications. `cancel` words the
    notification by which a request of ours is taken back, from its id."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        serve: Callable[[Call], Awaitable[Any]],
        hear: Callable[[Call], None],
        cancel: Callable[[int], tuple[str, Any]],
    ) -> None:
        self._send = send
        self._serve = serve
        self._hear = hear
        self._cancel = cancel
        self._ids = itertools.count(1)
        self._asked: dict[Id, asyncio.Future[_Answered]] = {}
        self._serving: dict[Id, asyncio.Task[Any]] = {}
        self._gone: str | None = None
        self._lost = False

    async def call(self, method: str, params: Any, wanted: Any) -> Any:
        """Its result, as `wanted`. Cancelled, it is taken back at the peer's too.

        Raises PeerError for an error, ConnectionError when the peer goes away before it answers.
        """
        if self._gone is not None:
            raise ConnectionError(self._gone)
        identity = next(self._ids)
        answered: asyncio.Future[_Answered] = asyncio.get_running_loop().create_future()
        self._asked[identity] = answered
        self._send(message.call_body(method, params, identity))
        try:
            found = await answered
        except asyncio.CancelledError:
            self.notify(*self._cancel(identity))
            raise
        finally:
            self._asked.pop(identity, None)
        if found.error is not None:
            raise PeerError(found.error.code, found.error.message, _kind(found.error.data))
        return msgspec.json.decode(found.result, type=wanted)

    def notify(self, method: str, params: Any) -> None:
        if self._gone is None:
            self._send(message.call_body(method, params))

    def received(self, body: bytes) -> None:
        """A message came."""
        match message.parse(body):
            case Call(id=None) as call:
                self._heard(call)
            case Call() as call:
                self._requested(call)
            case Answer(identity) as answer:
                waiting = self._asked.get(identity) if identity is not None else None
                if waiting is not None and not waiting.done():
                    _settle(waiting, answer.body)
            case Malformed() as fault:
                self._send(message.error_body(fault.id, fault.code, fault.message))

    def refuse(self, code: int, told: str) -> None:
        """Answer what came and can't be read as a message at all."""
        self._send(message.error_body(None, code, told))

    def lost(self, why: str) -> None:
        """The peer is gone: whoever waits for it is told, what is done for it is stopped."""
        self._lost = True
        self._end(why)
        for task in self._serving.values():
            task.cancel()

    async def finish(self, why: str) -> None:
        """The peer says nothing more: whoever waits for it is told, what it asked for is still answered."""
        self._end(why)
        await asyncio.gather(*self._serving.values(), return_exceptions=True)

    def _end(self, why: str) -> None:
        self._gone = why
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(why))

    def _requested(self, call: Call) -> None:
        assert call.id is not None
        if call.id in self._serving:
            told = f"a request with the id {call.id!r} is still being answered"
            self._send(message.error_body(call.id, message.INVALID_REQUEST, told))
            return
        task = asyncio.ensure_future(self._serve(call))
        assert isinstance(task, asyncio.Task)
        self._serving[call.id] = task
        task.add_done_callback(lambda done: self._served(call, done))

    def _served(self, call: Call, task: "asyncio.Task[Any]") -> None:
        assert call.id is not None
        del self._serving[call.id]
        if self._lost:
            return
        if task.cancelled():
            self._send(message.error_body(call.id, message.REQUEST_CANCELLED, "cancelled"))
            return
        error = task.exception()
        if error is not None:
            self._send(message.error_body(call.id, *_told(call, error)))
            return
        result = task.result()
        then = result if isinstance(result, Then) else None
        self._send(message.result_body(call.id, then.result if then else result))
        if then is not None:
            then.afterwards()

    def _heard(self, call: Call) -> None:
        """It has no answer, so what is wrong with one is told on standard error."""
        try:
            if call.method not in CANCELS:
                self._hear(call)
                return
            found: _Cancel = read(call.params, _Cancel)
        except RpcError as error:
            print(f"aid: ignored {call.method}: {error}", file=sys.stderr)
            return
        task = self._serving.get(found.id if found.id is not None else found.request_id or "")
        if task is not None:
            task.cancel()


def read(params: msgspec.Raw, wanted: Any) -> Any:
    """A call's params. Raises RpcError that says what is wrong, and where."""
    try:
        return msgspec.json.decode(params, type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(message.INVALID_PARAMS, str(error)) from error


def _settle(waiting: "asyncio.Future[_Answered]", body: bytes) -> None:
    try:
        waiting.set_result(_ANSWERED.decode(body))
    except msgspec.MsgspecError as error:
        waiting.set_exception(PeerError(message.PARSE_ERROR, f"the answer can't be read: {error}"))


def _kind(data: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(data, type=_ErrorData).kind if data else ""
    except msgspec.MsgspecError:  # the client's own data
        return ""


def _told(call: Call, error: BaseException) -> tuple[int, str]:
    """The code and message that answer a request gone wrong; a fault of ours is told on standard error too."""
    if isinstance(error, RpcError):
        return error.code, str(error)
    if isinstance(error, UsageError):
        return message.INVALID_PARAMS, str(error)
    if isinstance(error, AidError):  # not its own code: -32000 would mean that the person has to log in
        return message.INTERNAL_ERROR, str(error)
    traceback.print_exception(error, file=sys.stderr)
    return message.INTERNAL_ERROR, f"internal error in {call.method} ({type(error).__name__}): see standard error"
