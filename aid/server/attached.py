"""The daemon's side of a bridge: which requests of its session were asked before, and the answers kept for them."""

from collections.abc import Iterable
from typing import Self

import msgspec

from aid.attach import SPOKEN, AttachParams, DeliveredParams
from aid.server.message import Call, Id, RpcError
from aid.server.routes import read_params
from aid.session.identity import Identity
from aid.session.kept import Kept, Key

SKEW = -32021
# Those that cost or change something. Any other is simply done again.
KEPT_METHODS = frozenset(
    {"aid/prompt", "aid/accept", "aid/reject", "aid/undo", "aid/redo", "aid/setModel", "workspace/executeCommand"}
)

_ATTACH = msgspec.json.Decoder(AttachParams)
_DELIVERED = msgspec.json.Decoder(DeliveredParams)


class Attached:
    """One bridge, for as long as its connection lasts. Made by `open`, which blocks."""

    def __init__(self, params: AttachParams, kept: Kept, answers: dict[Id, bytes]) -> None:
        self._session = params.session
        self._again = set(params.again)
        self._kept = kept
        self._answers = answers

    @classmethod
    def open(cls, params: AttachParams, kept: Kept) -> Self:
        return cls(params, kept, kept.attached(params.session, params.again))

    def answer(self, identity: Id) -> bytes | None:
        """What an earlier daemon answered to a request that is asked again."""
        return self._answers.pop(identity, None)

    def identity(self, identity: Id) -> Identity:
        """What the work for a request may know of it."""
        again = identity in self._again
        self._again.discard(identity)
        return Identity(key=Key(self._session, identity), kept=self._kept, again=again)

    def keep(self, call: Call, body: bytes) -> None:
        if call.id is not None and call.method in KEPT_METHODS:
            self._kept.answer(Key(self._session, call.id), body)

    def left(self) -> None:
        """The editor needs nothing any more."""
        self._kept.forget_session(self._session)

    def delivered(self, call: Call) -> None:
        ids: Iterable[Id] = read_params(_DELIVERED, call.params).ids
        self._kept.forget(Key(self._session, each) for each in ids)


def read_attach(call: Call) -> AttachParams:
    """Raises RpcError, in words for the person, where this daemon doesn't serve such a bridge."""
    params = read_params(_ATTACH, call.params)
    if params.protocol not in SPOKEN:
        spoken = ", ".join(map(str, sorted(SPOKEN)))
        told = f"the daemon speaks protocol {spoken}, this editor's 'aid connect' {params.protocol}"
        raise RpcError(SKEW, f"{told}: start the editor's language server anew, or 'aid restart' if AID is the newer")
    assert isinstance(params, AttachParams)
    return params
