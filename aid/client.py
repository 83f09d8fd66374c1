"""The command line's way to the daemon: one request at a time over the unix socket, without asyncio.

Imports little, for every `aid` command that needs the daemon pays for it.
"""

import itertools
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec

from aid import errors, lifecycle
from aid.errors import AidError, Cancelled, DaemonError, UsageError
from aid.framing import Decoder, Fault, encode
from aid.protocol import METHODS, VERSION, UpdateParams, Wire

CANCEL_WAIT_S = 2.0
_READ_BYTES = 256 * 1024

OnUpdate = Callable[[UpdateParams], None]


class _ErrorKind(msgspec.Struct):
    kind: str = ""


class _Error(msgspec.Struct):
    code: int
    message: str
    data: _ErrorKind | None = None


class _Message(msgspec.Struct):
    id: int | str | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


_MESSAGE = msgspec.json.Decoder(_Message)
_UPDATE = msgspec.json.Decoder(UpdateParams)


class Client:
    """A connection. Made by `connect`; close it, or use it in a `with`."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._decoder = Decoder()
        self._arrived: list[bytes | Fault] = []
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._link.close()

    def call(self, method: str, params: Wire, on_update: OnUpdate | None = None, timeout_s: float | None = None) -> Any:
        """The result of one of protocol.METHODS, as its struct.

        `on_update` sees every `aid/update` that comes meanwhile. Raises what the daemon raised, by its own class
        where it is an AidError; DaemonError when the daemon goes away or, with `timeout_s`, says nothing so long.
        Interrupted (Ctrl-C), it cancels the request in the daemon and raises Cancelled.
        """
        identity = next(self._ids)
        self._send({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        try:
            answer = self._answer(identity, on_update, timeout_s)
        except KeyboardInterrupt:
            self._cancel(identity)
            raise Cancelled("cancelled") from None
        if answer.error is not None:
            raise _raised(answer.error)
        return msgspec.json.decode(answer.result, type=METHODS[method].result)

    def _answer(self, identity: int, on_update: OnUpdate | None, timeout_s: float | None) -> _Message:
        while True:
            found = self._next(None if timeout_s is None else time.monotonic() + timeout_s)
            if found.method == "aid/update" and on_update is not None:
                on_update(_UPDATE.decode(found.params))
            elif found.method is None and found.id == identity:
                return found

    def _cancel(self, identity: int) -> None:
        """Tell the daemon and give it a moment to say that it stopped; a second Ctrl-C ends the wait."""
        with suppress(DaemonError, KeyboardInterrupt):
            self._send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": identity}})
            self._answer(identity, None, CANCEL_WAIT_S)

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._link.sendall(encode(msgspec.json.encode(message)))
        except UnicodeEncodeError as error:
            raise UsageError("the request has text that isn't UTF-8: give prompt and names in UTF-8") from error
        except OSError as error:
            raise _gone() from error

    def _next(self, deadline: float | None) -> _Message:
        while not self._arrived:
            if deadline is not None and not _readable(self._link, deadline):
                raise _LateError("the daemon does not answer: run 'aid restart'")
            try:
                piece = self._link.recv(_READ_BYTES)
            except ConnectionResetError as error:
                raise _gone() from error
            if not piece:
                raise _gone()
            self._arrived = self._decoder.feed(piece)
        body = self._arrived.pop(0)
        if isinstance(body, Fault):
            raise DaemonError(f"the daemon's answer can't be read: {body.reason}")
        return _MESSAGE.decode(body)


class _LateError(DaemonError):
    pass


def connect(*, start: bool = True, any_version: bool = False) -> Client:
    """A connection to the daemon, which is started when there is none and `start`.

    Raises DaemonError: none runs, it can't be started, or (unless `any_version`) it speaks another protocol.
    """
    link = lifecycle.connect_or_start() if start else lifecycle.connect()
    if link is None:
        raise DaemonError("the daemon is not running: run 'aid start'")
    owner = lifecycle.holder()
    if not any_version and owner is not None and owner.protocol and owner.protocol != VERSION:
        link.close()
        raise DaemonError(
            f"the daemon (AID {owner.version}) speaks protocol {owner.protocol}, this command {VERSION}: "
            "run 'aid restart'"
        )
    return Client(link)


def _readable(link: socket.socket, deadline: float) -> bool:
    ready, _, _ = select.select([link], [], [], max(0.0, deadline - time.monotonic()))
    return bool(ready)


def _gone() -> DaemonError:
    return DaemonError("the daemon went away: see 'aid logs', and try again")


def _raised(error: _Error) -> AidError:
    """The exception that the daemon raised, as far as it has a class here."""
    kind = getattr(errors, error.data.kind, None) if error.data is not None else None
    if isinstance(kind, type) and issubclass(kind, AidError):
        return kind(error.message)
    return Cancelled("cancelled") if error.code == Cancelled.rpc_code else DaemonError(error.message)
