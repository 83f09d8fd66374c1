"""aid/* requests over a real socket: every one is answered, once, by its own answer."""

import asyncio
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aid.protocol import METHODS
from aid.server.routes import routes
from aid.server.wire import Limits


def says(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    return f"{error['code']} {error['message']}" if error else str(answer["result"])


async def test_answers_without_initialize(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        answer = await peer.call("aid/prompt", peers.prompt("echo hello"))
    assert answer == {"jsonrpc": "2.0", "id": 1, "result": {"id": "r", "model": "fake", "text": "hello"}}


def test_every_request_of_the_protocol_has_a_route(fakes: ModuleType) -> None:
    async def own(params: Any, client: Any) -> None: ...

    served = routes(fakes.FakeHost(), {"aid/status": own, "aid/shutdown": own})
    assert set(served) == {name for name, method in METHODS.items() if not method.from_server}


MALFORMED = [
    ("not JSON", b"{nope", "null -32700"),
    ("not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', "1 -32700"),
    ("cut short", b'{"jsonrpc":"2.0","id":1', "null -32700"),
    ("cut short behind its method", b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":{"pro', "1 -32700"),
    ("a bad escape", b'{"params":{"id":2,"prompt":"\\q \\"id\\":3"},"id":"x","method":"aid/prompt"}', '"x" -32700'),
    ("a bad escape in an answer", b'{"jsonrpc":"2.0","id":1,"result":{"method":"\\q"}}', "null -32700"),
    (
        "a bad escape beside half a character",
        b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":"\\q\\ud83d"}',
        "1 -32700",
    ),
    (
        "text that is not UTF-8",
        b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":{"prompt":"\xff"}}',
        "1 -32700",
    ),
    ("nested too deeply", b"[" * 100_000, "null -32700"),
    ("a batch", b'[{"jsonrpc":"2.0","id":1,"method":"aid/status"}]', "null -32600"),
    ("an empty batch", b"[]", "null -32600"),
    ("a number", b"5", "null -32600"),
    ("null", b"null", "null -32600"),
    ("an empty object", b"{}", "null -32600"),
    ("no version", b'{"id":1,"method":"aid/status"}', "1 -32600"),
    ("another version", b'{"jsonrpc":"1.0","id":1,"method":"aid/status"}', "1 -32600"),
    ("neither method nor answer", b'{"jsonrpc":"2.0","id":1}', "1 -32600"),
    ("a method that is a number", b'{"jsonrpc":"2.0","id":1,"method":5}', "1 -32600"),
    ("an id that is null", b'{"jsonrpc":"2.0","id":null,"method":"aid/status"}', "null -32600"),
    ("an id that is a list", b'{"jsonrpc":"2.0","id":[1],"method":"aid/status"}', "null -32600"),
    ("an id that is a fraction", b'{"jsonrpc":"2.0","id":1.5,"method":"aid/status"}', "null -32600"),
    ("an unknown method", b'{"jsonrpc":"2.0","id":"x","method":"aid/nothing"}', '"x" -32601'),
    ("an unknown LSP method", b'{"jsonrpc":"2.0","id":1,"method":"textDocument/hover"}', "1 -32601"),
    ("LSP before initialize", b'{"jsonrpc":"2.0","id":1,"method":"shutdown"}', "1 -32002"),
    ("params missing", b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt"}', "1 -32602"),
    ("params in a list", b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":["/w"]}', "1 -32602"),
    (
        "params of a wrong type",
        b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":{"workspace":1,"prompt":""}}',
        "1 -32602",
    ),
    ("params that are null", b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":null}', "1 -32602"),
    ("initialize without capabilities", b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}', "1 -32602"),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
async def test_a_malformed_request_is_answered_and_the_next_is_served(
    serve: Any, peers: ModuleType, body: bytes, expected: str
) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        peer.raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        answer = await peer.next()
        identity = {None: "null", "x": '"x"'}.get(answer["id"], answer["id"])
        assert f"{identity} {answer['error']['code']}" == expected
        assert answer["error"]["message"]
        assert (await peer.call("aid/prompt", peers.prompt("echo on")))["result"]["text"] == "on"


async def test_half_a_character_is_read_as_one_that_is_unknown(serve: Any, peers: ModuleType) -> None:
    """JavaScript's `JSON.stringify` writes a lone surrogate as an escape."""
    _, _, path = await serve()
    body = rb'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":%b}'
    body %= rb'{"workspace":"/w","prompt":"echo a\ud83d \ud83d\ude0b"}'
    async with await peers.Peer.connect(path) as peer:
        peer.raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        assert (await peer.answer(1))["result"]["text"] == "a\ufffd \U0001f60b"


async def test_says_where_params_are_wrong(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        answer = await peer.call("aid/prompt", peers.prompt("x", files=[{"path": "a", "first": "one"}]))
    assert says(answer) == "-32602 Expected `int | null`, got `str` - at `$.files[0].first`"


async def test_aid_errors_keep_their_code_and_class(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        answer = await peer.call("aid/prompt", peers.prompt("refuse"))
    assert answer["error"] == {
        "code": -32010,
        "message": "model tiny can't answer: it is out",
        "data": {"kind": "ModelError"},
    }


async def test_an_unexpected_exception_is_one_failed_request(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        answer = await peer.call("aid/prompt", peers.prompt("crash secret"))
        assert says(answer) == "-32603 internal error in aid/prompt (ZeroDivisionError): see 'aid logs'"
        assert "result" in await peer.call("aid/status")


async def test_an_error_answer_of_a_client_is_not_answered(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        peer.send({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "what?"}})
        peer.send({"jsonrpc": "2.0", "id": "aid-9", "result": None})
        await peer.call("aid/status")
    assert peer.heard == []


async def test_an_id_in_flight_is_refused_and_the_first_request_is_unharmed(serve: Any, peers: ModuleType) -> None:
    _, host, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        peer.ask("aid/prompt", peers.prompt("wait first"), identity=7)
        await host.until_running(1)
        peer.ask("aid/prompt", peers.prompt("echo second"), identity=7)
        assert says(await peer.answer(7)) == "-32600 a request with the id 7 is still being answered"
        host.released.set()
        assert (await peer.answer(7))["result"]["text"] == "first"


async def test_too_many_requests_of_one_client_are_refused(serve: Any, peers: ModuleType) -> None:
    _, host, path = await serve(Limits(in_flight=2))
    async with await peers.Peer.connect(path) as peer:
        waiting = [peer.ask("aid/prompt", peers.prompt(f"wait {number}")) for number in range(2)]
        await host.until_running(2)
        assert says(await peer.call("aid/status")).startswith("-32000 2 requests of this client are waiting")
        host.released.set()
        for identity in waiting:
            await peer.answer(identity)
        assert "result" in await peer.call("aid/status")


async def test_updates_come_before_the_answer_in_order(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        await peer.call("aid/prompt", peers.prompt("update 3", token="t"))
    assert [(each["params"]["token"], each["params"]["text"][0]) for each in peer.heard] == [
        ("t", "0"),
        ("t", "1"),
        ("t", "2"),
    ]


async def test_cancelling_stops_the_work_and_answers(serve: Any, peers: ModuleType) -> None:
    _, host, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        identity = peer.ask("aid/prompt", peers.prompt("wait a"))
        await host.until_running(1)
        peer.tell("$/cancelRequest", {"id": identity})
        assert says(await peer.answer(identity)) == "-32800 cancelled"
        assert host.cancelled == {"a"}


async def test_cancelled_in_the_same_breath_it_is_still_answered(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        identity = peer.ask("aid/prompt", peers.prompt("wait a"))
        peer.tell("$/cancelRequest", {"id": identity})
        peer.tell("$/cancelRequest", {"id": "nobody"})
        peer.tell("$/cancelRequest", {"id": []})
        assert says(await peer.answer(identity)) == "-32800 cancelled"


async def test_a_client_that_disappears_stops_its_own_work_only(serve: Any, peers: ModuleType) -> None:
    _, host, path = await serve()
    stays, goes = await peers.Peer.connect(path), await peers.Peer.connect(path)
    kept = stays.ask("aid/prompt", peers.prompt("wait stays"))
    goes.ask("aid/prompt", peers.prompt("wait goes"))
    await host.until_running(2)
    goes.die()
    await host.until_cancelled(1)
    assert host.cancelled == {"goes"}
    host.released.set()
    assert (await stays.answer(kept))["result"]["text"] == "stays"
    await stays.close()


async def test_fifty_clients_with_twenty_requests_each(serve: Any, peers: ModuleType) -> None:
    """All answered, none crossed; half of them cancelled, the other half unharmed."""
    _, host, path = await serve()

    async def one(number: int) -> list[str]:
        async with await peers.Peer.connect(path) as peer:
            ids = [peer.ask("aid/prompt", peers.prompt(f"wait {number}/{each}")) for each in range(20)]
            await host.until_running(1)
            for identity in ids[::2]:
                peer.tell("$/cancelRequest", {"id": identity})
            cancelled = [says(await peer.answer(identity)) for identity in ids[::2]]
            arrived.append(number)
            if len(arrived) == 50:
                host.released.set()
            kept = [(await peer.answer(identity))["result"]["text"] for identity in ids[1::2]]
            assert cancelled == ["-32800 cancelled"] * 10
            return kept

    arrived: list[int] = []
    answers = await asyncio.gather(*(one(number) for number in range(50)))
    assert answers == [[f"{number}/{each}" for each in range(1, 20, 2)] for number in range(50)]


async def test_drains_before_it_ends(serve: Any, peers: ModuleType, private: Path) -> None:
    server, host, path = await serve()
    peer = await peers.Peer.connect(path)
    running = peer.ask("aid/prompt", peers.prompt("wait a"))
    await host.until_running(1)
    assert (await peer.call("aid/shutdown", {"models": True}))["result"] == {}
    await server.ended.wait()
    draining = asyncio.create_task(server.drain(60.0))
    late = peer.ask("aid/status")
    assert says(await peer.answer(late)) == "-32000 the daemon is ending: connect again"
    host.released.set()
    assert (await peer.answer(running))["result"]["text"] == "a"
    await peer.closed()
    await draining
    assert server.end_models and not path.exists()
    await peer.close()


async def test_what_bridges_ask_while_it_drains_is_left_to_the_next_daemon(serve: Any, peers: ModuleType) -> None:
    server, host, path = await serve()
    bridge, late = await peers.Peer.connect(path), await peers.Peer.connect(path)
    assert "result" in await bridge.call("aid/attach", {"session": "s", "protocol": 1})
    assert "result" in await late.call("aid/status"), "it was accepted"
    running = bridge.ask("aid/prompt", peers.prompt("wait a"))
    await host.until_running(1)
    draining = asyncio.create_task(server.drain(60.0))
    bridge.ask("aid/status")
    bridge.ask("initialize", {"capabilities": {}})
    late.ask("aid/attach", {"session": "t", "protocol": 1})
    assert says(await bridge.call("shutdown")).startswith("-32002"), "an editor that leaves needs no other daemon"
    host.released.set()
    assert (await bridge.answer(running))["result"]["text"] == "a"
    for peer, told in ((bridge, [{"restart": False}]), (late, [])):
        await peer.closed()
        assert [each.get("params") for each in peer.heard if each.get("method") != "aid/update"] == told
        await peer.close()
    await draining


async def test_what_does_not_end_in_time_is_cancelled(serve: Any, peers: ModuleType) -> None:
    server, host, path = await serve()
    peer = await peers.Peer.connect(path)
    running = peer.ask("aid/prompt", peers.prompt("wait a"))
    await host.until_running(1)
    await server.drain(0.0)
    assert says(await peer.answer(running)) == "-32800 cancelled"
    await peer.close()
