"""Bodies of `POST /v1/check` read, and the lines of its answer written. Pure."""

import math

import msgspec

from ces.request import CheckRequest
from ces.service.queue import Answer

MOST_KEY_CHARACTERS = 255
MOST_TIMEOUT_S = 86_400.0


class Asked(msgspec.Struct, frozen=True):
    """`many`: the answer is a stream, however many there are."""

    requests: list[CheckRequest]
    many: bool


class Malformed(msgspec.Struct, frozen=True):
    reason: str


class _Line(msgspec.Struct, omit_defaults=True):
    index: int
    key: str | msgspec.UnsetType | None = msgspec.UNSET
    verdict: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET
    status: int | msgspec.UnsetType = msgspec.UNSET


class _Error(msgspec.Struct):
    error: str


def read(body: bytes, header_key: str | None) -> Asked | Malformed:
    """One request, a list of them, or {"requests": [...]}. `header_key` is the Idempotency-Key header, if any:

    the key of the one, and of many's those that have none, each with its index.
    """
    try:
        many = body.lstrip()[:1] == b"["
        if not many:
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            if "requests" in fields:
                if len(fields) > 1:
                    return Malformed('beside "requests" nothing else may be given')
                many, body = True, bytes(fields["requests"])
        requests = (
            msgspec.json.decode(body, type=list[CheckRequest])
            if many
            else [msgspec.json.decode(body, type=CheckRequest)]
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed(f"the body can't be read: {error}")
    if not requests:
        return Malformed("no request was given")
    wrong = _wrong(requests, header_key)
    return Malformed(wrong) if wrong else Asked(_shared(_keyed(requests, header_key, many)), many)


def _wrong(requests: list[CheckRequest], header_key: str | None) -> str | None:
    for key in (header_key, *(request.key for request in requests)):
        if key is not None and not 1 <= len(key) <= MOST_KEY_CHARACTERS:
            return f"a key has 1 to {MOST_KEY_CHARACTERS} characters"
    for index, request in enumerate(requests):
        if not (math.isfinite(request.timeout_s) and 0 < request.timeout_s <= MOST_TIMEOUT_S):
            return f"request {index}: timeout_s must be more than 0 and at most {MOST_TIMEOUT_S:g}"
    return None


def _keyed(requests: list[CheckRequest], key: str | None, many: bool) -> list[CheckRequest]:
    if key is None:
        return requests
    return [
        msgspec.structs.replace(request, key=f"{key}#{index}" if many else key) if request.key is None else request
        for index, request in enumerate(requests)
    ]


def _shared(requests: list[CheckRequest]) -> list[CheckRequest]:
    """The same requests, equal texts kept once: those of one batch mostly share workspace, `onto` and tests."""
    if len(requests) == 1:
        return requests
    texts: dict[str, str] = {}

    def once(text: str) -> str:
        return texts.setdefault(text, text)

    return [
        msgspec.structs.replace(
            request,
            diff=once(request.diff),
            workspace=once(request.workspace),
            rev=None if request.rev is None else once(request.rev),
            onto=once(request.onto),
            reference=None if request.reference is None else once(request.reference),
            hidden={once(path): once(text) for path, text in request.hidden.items()},
        )
        for request in requests
    ]


def line(index: int, key: str | None, answer: Answer) -> bytes:
    """{"index", "key", "verdict"}, or {"index", "key", "error", "status"} where there is none."""
    if answer.status == 200:
        return msgspec.json.encode(_Line(index, key, msgspec.Raw(answer.body)))
    told = msgspec.json.decode(answer.body, type=_Error).error
    return msgspec.json.encode(_Line(index, key, error=told, status=answer.status))


def as_event(name: str, line: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + line + b"\n\n"
