"""pygls' protocol class with its faults mended: one override for each, which says what it is for.

What pygls 2.1.1 does well is left to it: capabilities, documents, folders, what is asked of the client, its answers.
Messages come from the connection, which has framed and limited them, and go back through it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, get_type_hints

import cattrs
import msgspec
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from aid import attach
from aid.server.documents import Documents
from aid.server.message import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, Call, RpcError
from aid.server.routes import converted

if TYPE_CHECKING:
    from aid.server.lsp import Editor

# pygls takes messages built from Python's objects, which can be forty times the size of what came. This many, with the
# commas and brackets of texts counted in (a file of 20 MB has about as many), are at most 200 MB.
VALUES_LIMIT = 2_000_000

# One for all editors: to make it takes a tenth of a second.
CONVERTER: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]

# pygls logs whole messages, at INFO and with every error: they are the person's text. What went wrong we log.
logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)


class PeerError(Exception):
    """The client refused a request of ours, didn't answer in time or went away; the text says which."""


class EditorProtocol(LanguageServerProtocol):
    """`_request_futures` holds what we asked of the client, and nothing else (see `_execute_handler`)."""

    _server: Editor

    # Messages of the client.

    def received(self, call: Call) -> None:
        """Serve a request or take a notification. Raises RpcError.

        In place of `handle_message`, which never answers a request that it can't read or that comes after `shutdown`.
        """
        if self._shutdown:
            raise RpcError(INVALID_REQUEST, "after 'shutdown' only 'exit' may come")
        try:
            handler = self._get_handler(call.method)
        except JsonRpcException as unknown:
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {call.method!r}") from unknown
        params = self._structured(call.body).params
        done = partial(self._server.connection.finished, call, time.monotonic(), self._converter.unstructure)
        self._execute_handler("" if call.id is None else call.id, handler, done, (params,))

    def answered(self, identity: int | str | None, body: bytes) -> None:
        """The client's answer to a request of ours. pygls would let one that it can't read be waited for."""
        waiting = self._request_futures.get(identity) if identity is not None else None
        if waiting is None:
            return
        try:
            self.handle_message(self._structured(body))
        except RpcError as unreadable:
            waiting.set_exception(PeerError(f"the client's answer can't be read: {unreadable}"))

    def _structured(self, body: bytes) -> Any:
        if sum(map(body.count, (b",", b"[", b"{"))) > VALUES_LIMIT:
            raise RpcError(INVALID_REQUEST, f"the message has more than {VALUES_LIMIT} values")
        try:
            return self.structure_message(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RpcError(PARSE_ERROR, str(error)) from error
        except JsonRpcException as error:
            raise RpcError(INVALID_PARAMS, _told(error.__cause__)) from error

    def _execute_handler(
        self,
        msg_id: int | str,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """pygls puts the client's requests into the same table as ours, so that an answer could settle, or a cancel
        notification end, the wrong one, and leaves each change of a document there for ever. Coroutines are the
        connection's tasks here, as those of `aid/*` are; anything else is done before the next message is read.
        """
        if asyncio.iscoroutinefunction(handler):
            self._server.connection.start(msg_id, handler(*args or ()), callback)
            return
        future: Future[Any] = Future()
        try:
            result = handler(*args or (), **kwargs or {})
            future.set_result(_driven(result) if isinstance(result, Generator) else result)
        except Exception as error:  # the connection's guard tells it
            future.set_exception(error)
        callback(future)

    # Requests of ours.

    async def send_request_async(self, method: str, params: Any = None, msg_id: int | str | None = None) -> Any:
        """Raises PeerError. pygls keeps a request that nobody waits for any more, and fails on its late answer."""
        identity = msg_id or str(uuid.uuid4())
        if self._server.connection.closed.is_set():
            raise PeerError("the client went away")
        try:
            return await super().send_request_async(method, params, identity)
        except JsonRpcException as refused:
            raise PeerError(f"the client refused: {refused.message}") from refused
        finally:
            self._request_futures.pop(identity, None)
            self._result_types.pop(identity, None)

    def lost(self) -> None:
        """Nothing asked of the client will be answered."""
        for waiting in list(self._request_futures.values()):
            if not waiting.done():
                waiting.set_exception(PeerError("the client went away"))

    def _send_data(self, data: Any) -> None:
        """pygls logs the text, and tells the client when it could not be sent; the wire has its own limits."""
        self._server.connection.wire.send(msgspec.json.encode(self._converter.unstructure(data)))

    # Without the `lru_cache`s of pygls, which keep up to 128 closed connections alive with all their documents.

    def get_message_type(self, method: str) -> type[Any] | None:  # type: ignore[override]
        return types.METHOD_TO_TYPES.get(method, (None,))[0]

    def get_result_type(self, method: str) -> type[Any] | None:  # type: ignore[override]
        answered = types.WORKSPACE_APPLY_EDIT if method == attach.EDITED else method
        return types.METHOD_TO_TYPES.get(answered, (None, None))[1]

    # Methods of the LSP.

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """With documents that are ours, and progress, of which pygls does not tell."""
        result = yield from super().lsp_initialize(params)
        self._workspace = Documents.of(params, self.workspace)
        commands = result.capabilities.execute_command_provider
        assert commands is not None
        commands.work_done_progress = True
        return result

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]
        self, params: types.ExecuteCommandParams
    ) -> Any:
        """One coroutine, so that cancelling the request cancels the command; pygls ends only the wait for it.

        A command takes one object and the client to work for. Raises RpcError for one that doesn't exist.
        """
        handler = self.fm.commands.get(params.command)
        if handler is None:
            raise RpcError(INVALID_PARAMS, f"there is no command {params.command!r}")
        given = converted(params.arguments[0] if params.arguments else {}, get_type_hints(handler)["given"])
        return await self._server.execute(params, handler, given)


def _driven(steps: Generator[Any, Any, Any]) -> Any:
    """pygls' own handlers yield ours to be called: (function, args, kwargs)."""
    value = None
    try:
        while True:
            handler, args, kwargs = steps.send(value)
            value = handler(*args or (), **kwargs or {})
    except StopIteration as end:
        return end.value


def _told(error: BaseException | None) -> str:
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error))
    return f"the message can't be read ({type(error).__name__})"
