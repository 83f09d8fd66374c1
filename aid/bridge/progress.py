"""Which `$/progress` an editor is shown, so that none goes on for ever when its daemon has died. Pure.

A token that came with a request goes on with it in the next daemon; one that the daemon made ends with the daemon.
Source: LSP 3.17, "Work Done Progress".
"""

from typing import Any

import msgspec

Token = int | str


class _Value(msgspec.Struct):
    kind: str = ""
    title: str = ""
    message: str = ""


class _Params(msgspec.Struct):
    token: Token
    value: _Value


class _Request(msgspec.Struct, rename="camel"):
    work_done_token: Token | None = None


_PARAMS = msgspec.json.Decoder(_Params)
_REQUEST = msgspec.json.Decoder(_Request)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class Progress:
    def __init__(self) -> None:
        self._shown: set[Token] = set()

    def pass_on(self, body: bytes, params: msgspec.Raw) -> bytes:
        """What to send in place of a daemon's `$/progress`: a second "begin" would show it twice."""
        try:
            found = _PARAMS.decode(params)
        except _UNREADABLE:
            return body
        if found.value.kind == "end":
            self._shown.discard(found.token)
        elif found.value.kind == "begin":
            if found.token in self._shown:
                told = found.value.message or found.value.title
                return _body(found.token, {"kind": "report", "message": told})
            self._shown.add(found.token)
        return body

    def end_all_but(self, kept: set[Token]) -> list[bytes]:
        """The messages that end what is shown, save these tokens."""
        return [self._end(token) for token in sorted(self._shown - kept, key=str)]

    def end(self, token: Token | None) -> list[bytes]:
        """The message that ends what is shown under a request's token, if it is."""
        return [self._end(token)] if token is not None and token in self._shown else []

    def _end(self, token: Token) -> bytes:
        self._shown.discard(token)
        return _body(token, {"kind": "end"})


def token_of(params: msgspec.Raw) -> Token | None:
    """The token under which a request wants its progress shown."""
    try:
        return _REQUEST.decode(params).work_done_token
    except _UNREADABLE:
        return None


def _body(token: Token, value: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "$/progress", "params": {"token": token, "value": value}})
