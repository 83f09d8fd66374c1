"""What can still be made of a message's body that can't be read. Pure, and never raises.

Only looked at once reading has failed, so what it costs is of no account, save that it grows no faster than the body.
"""

import re
from itertools import islice
from typing import Any

import msgspec

from aid.positions import UNKNOWN

OPENED, CHANGED = "textDocument/didOpen", "textDocument/didChange"
TOKENS = 100_000  # a message with more before its head isn't looked through

# An escape is one where an even number of backslashes stands in front of it.
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*+)"
    rb"(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+'
# Strings first, so that no bracket in one counts; one without an end goes on to the body's.
_TOKEN = re.compile(_STRING + rb'(?:"|\\?\Z)|[\[{}\]]', re.DOTALL)
_VALUE = re.compile(rb"\s*:\s*(-?[0-9]++(?![.eE])|" + _STRING + rb'")', re.DOTALL)
_URI = re.compile(rb'"uri"\s*:\s*(' + _STRING + rb'")', re.DOTALL)
_DECODER = msgspec.json.Decoder(int | str)


def without_lone_surrogates(body: bytes) -> bytes:
    """JSON has escapes for halves of characters, which JavaScript writes and no UTF-8 can hold. Each becomes U+FFFD,
    which is one UTF-16 unit too, so that places in the text stay where they are."""
    return _SURROGATES.sub(lambda found: found[0] if found[2] else found[1] + rb"\ufffd", body)


def request_id(body: bytes) -> int | str | None:
    """The id to answer under, where `body` looks like a request. An answer has one too, but that is ours."""
    head = _head(body)
    return head.get(b"id") if b"method" in head else None


def unknown_text(body: bytes) -> tuple[str, dict[str, Any]] | None:
    """The method and params that say of a `didOpen` or `didChange`, which can't be read, only which document it is
    about. None for any other message, and where the document can't be made out."""
    method = _head(body).get(b"method")
    uri = _decoded(found[1]) if method in (OPENED, CHANGED) and (found := _URI.search(body)) else None
    if uri is None:
        return None
    document: dict[str, Any] = {"uri": uri, "version": 0}
    if method == OPENED:
        return OPENED, {"textDocument": document | {"languageId": "", "text": UNKNOWN}}
    return CHANGED, {"textDocument": document, "contentChanges": [{"text": UNKNOWN}]}


def _head(body: bytes) -> dict[bytes, int | str | None]:
    """The `id` and the `method` of the outermost object, as far as they are there; None where one can't be read."""
    found: dict[bytes, int | str | None] = {}
    depth = 0
    for token in islice(_TOKEN.finditer(body), TOKENS):
        if token[0] in b"{[":
            depth += 1
        elif token[0] in b"}]":
            depth -= 1
        elif depth == 1 and token[0] in (b'"id"', b'"method"') and (value := _VALUE.match(body, token.end())):
            found[token[0].strip(b'"')] = _decoded(value[1])
    return found


def _decoded(value: bytes) -> int | str | None:
    try:
        read: int | str = _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return read
