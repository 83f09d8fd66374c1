"""Which of the host's functions answers which `aid/…` request, and how its params are read."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from aid.protocol import METHODS
from aid.server.host import Host
from aid.server.message import INVALID_PARAMS, PARSE_ERROR, RpcError
from aid.session.client import Client

Serve = Callable[[Any, Client], Awaitable[Any]]


class Route(msgspec.Struct, frozen=True):
    """`serve` takes the method's params struct and the client that asks."""

    params: msgspec.json.Decoder[Any]
    serve: Serve


def routes(host: Host, own: dict[str, Serve]) -> dict[str, Route]:
    """A route for every request a client may send; `own` are those that the server answers by itself."""
    asked_of_host: dict[str, Serve] = {
        "aid/prompt": host.prompt,
        "aid/proposal": host.proposal,
        "aid/proposed": host.proposed,
        "aid/proposals": host.proposals,
        "aid/chats": host.chats,
        "aid/chat": host.chat,
        "aid/forgetChat": host.forget_chat,
        "aid/accept": host.accept,
        "aid/reject": host.reject,
        "aid/undo": host.undo,
        "aid/redo": host.redo,
        "aid/log": host.log,
        "aid/build": host.build,
        "aid/models": host.models,
        "aid/setModel": host.set_model,
        "aid/stats": host.stats,
    }
    served = asked_of_host | own
    return {name: Route(msgspec.json.Decoder(METHODS[name].params), serve) for name, serve in served.items()}


def read_params(decoder: msgspec.json.Decoder[Any], params: msgspec.Raw) -> Any:
    """Raises RpcError that says what is wrong, and where."""
    try:
        return decoder.decode(params)
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_PARAMS, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, str(error)) from error


def converted(value: Any, wanted: type[Any]) -> Any:
    """`value`, plain, as the struct `wanted`. Raises RpcError as `read_params` does."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_PARAMS, str(error)) from error
