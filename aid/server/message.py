"""JSON-RPC 2.0 messages: a body's bytes into a call, an answer or what is wrong with it, and back into bytes.

Never raises: a body that is no message comes back as a `Malformed`, with the error that answers it. What can't be read
of a message is mended by `aid.server.mending`. Codes: JSON-RPC 2.0 section 5.1; LSP 3.17 "ErrorCodes".
"""

from typing import Any

import msgspec

from aid.server import mending

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800

Id = int | str
NO_PARAMS = msgspec.Raw(b"{}")
_ABSENT = msgspec.Raw()


class Call(msgspec.Struct, frozen=True):
    """A request, or without `id` a notification. `params` is JSON still to be read.

    `body` is all of it, as it can be read: what came, or what was made of that.
    """

    method: str
    params: msgspec.Raw
    body: bytes
    id: Id | None = None


class Answer(msgspec.Struct, frozen=True):
    """The peer's answer to a request of ours. `id` None: it could not read what we sent. `body`: see Call."""

    id: Id | None
    body: bytes


class Malformed(msgspec.Struct, frozen=True):
    """`id` is that of the request, where one could be made out."""

    code: int
    message: str
    id: Id | None = None


class RpcError(Exception):
    """A request can't be served; becomes the answer's `error`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Envelope(msgspec.Struct):
    jsonrpc: str
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_SYNTAX = msgspec.json.Decoder(msgspec.Raw)


class _Identity(msgspec.Struct):
    id: int | str


_IDENTITY = msgspec.json.Decoder(_Identity)


def parse(body: bytes) -> Call | Answer | Malformed:
    """What a message body says. One with lone surrogates is read as if they were U+FFFD; one that is to say what a
    document's text is, and can't be read, says that the text is unknown."""
    found = _parsed(body)
    if not isinstance(found, Malformed):
        return found
    mended = mending.without_lone_surrogates(body)
    if mended != body:
        found = _parsed(mended)
    return (unknown_text(mended) or found) if isinstance(found, Malformed) else found


def unknown_text(body: bytes) -> Call | None:
    """In place of a `didOpen` or `didChange` that can't be read: its document has a text that nobody knows. None for
    any other message, and where the document can't be made out."""
    found = mending.unknown_text(body)
    if found is None:
        return None
    said = call_body(*found)
    return Call(found[0], msgspec.Raw(msgspec.json.encode(found[1])), said)


def _parsed(body: bytes) -> Call | Answer | Malformed:
    try:
        envelope = _ENVELOPE.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _malformed(body, error)
    identity = None if envelope.id is msgspec.UNSET else envelope.id
    if envelope.jsonrpc != "2.0":
        return Malformed(INVALID_REQUEST, "expected `jsonrpc` to be '2.0'", identity)
    if isinstance(envelope.method, str):
        if envelope.id is None:
            return Malformed(INVALID_REQUEST, "expected an `id` that is a number or a string, found null")
        return Call(envelope.method, envelope.params or NO_PARAMS, body, identity)
    if bool(envelope.result) == bool(envelope.error):
        return Malformed(INVALID_REQUEST, "expected a `method`, or an `id` with a `result` or an `error`", identity)
    return Answer(identity, body)


def result_body(identity: Id | None, result: Any) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "result": result})


def error_body(identity: Id | None, code: int, message: str, data: Any = None) -> bytes:
    """`data` None is left out."""
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "error": error})


def call_body(method: str, params: Any, identity: Id | None = None) -> bytes:
    head = {"jsonrpc": "2.0", "method": method} | ({} if identity is None else {"id": identity})
    return msgspec.json.encode(head if params is None else head | {"params": params})


def _malformed(body: bytes, error: Exception) -> Malformed:
    """Say whether `body` is no JSON at all, or JSON that is no message; nothing of it is built, however large."""
    try:
        _SYNTAX.decode(body)
    except RecursionError:
        return Malformed(PARSE_ERROR, "the message is nested too deeply", mending.request_id(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as unreadable:
        return Malformed(PARSE_ERROR, str(unreadable), mending.request_id(body))
    if isinstance(error, UnicodeDecodeError):
        return Malformed(PARSE_ERROR, str(error), mending.request_id(body))
    if body.lstrip().startswith(b"["):
        return Malformed(INVALID_REQUEST, "batches are not part of the LSP: send one message at a time")
    return Malformed(INVALID_REQUEST, str(error), _identity(body))


def _identity(body: bytes) -> Id | None:
    try:
        return _IDENTITY.decode(body).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
