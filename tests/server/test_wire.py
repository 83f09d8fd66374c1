"""Clients that behave badly: none of them harms another, or costs the daemon more than its limits."""

import asyncio
from types import ModuleType
from typing import Any

import pytest

from aid.framing import encode
from aid.server.wire import Limits

MEGABYTE = 1_000_000


async def is_served(peers: ModuleType, path: Any) -> bool:
    async with await peers.Peer.connect(path) as peer:
        return bool((await peer.call("aid/prompt", peers.prompt("echo well")))["result"]["text"] == "well")


@pytest.mark.parametrize("garbage", [b"\x00\xff\xfe", b"hello\r\n", b"{}\n", b"A" * 100_000, b"\r\n\r\n"])
async def test_garbage_is_answered_and_ends_that_connection(serve: Any, peers: ModuleType, garbage: bytes) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        peer.raw(garbage)
        answer = await peer.next()
        assert (answer["id"], answer["error"]["code"]) == (None, -32700)
        await peer.closed()
    assert await is_served(peers, path)


async def test_half_a_message_waits_and_harms_no_one(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    slow = await peers.Peer.connect(path)
    slow.raw(b"Content-Length: 100\r\n\r\n{")
    assert await is_served(peers, path)
    await slow.close()
    assert await is_served(peers, path)


async def test_a_message_that_never_ends_is_given_up(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve(Limits(body_s=0.0))
    async with await peers.Peer.connect(path) as peer:
        peer.raw(b"Content-Length: 100\r\n\r\n{")
        assert (await peer.next())["error"]["message"] == "the message was not complete after 0 s"
        await peer.closed()


async def test_an_oversized_message_is_refused_and_the_next_one_served(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve(Limits(body_bytes=1000))
    async with await peers.Peer.connect(path) as peer:
        peer.raw(b"Content-Length: 5000\r\n\r\n" + b"x" * 5000)
        answer = await peer.next()
        assert answer["error"] == {"code": -32600, "message": "a message of 5000 bytes is over the limit of 1000"}
        assert "result" in await peer.call("aid/status")


async def test_a_client_that_does_not_read_is_dropped_while_others_are_served(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve(Limits(unsent_bytes=MEGABYTE))
    deaf = await peers.Peer.connect(path)
    deaf.writer.transport.pause_reading()
    deaf.ask("aid/prompt", peers.prompt("update 20000"))
    assert await is_served(peers, path)
    deaf.writer.transport.resume_reading()
    await deaf.closed()
    assert all("result" not in each for each in deaf.heard), "it was dropped before its answer"
    assert await is_served(peers, path)
    await deaf.close()


async def test_one_large_answer_to_a_client_that_reads_is_delivered(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve(Limits(unsent_bytes=MEGABYTE))
    async with await peers.Peer.connect(path) as peer:
        assert len((await peer.call("aid/prompt", peers.prompt(f"big {5 * MEGABYTE}")))["result"]["text"]) == 5_000_000


async def test_clients_that_die_at_any_point(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    request = encode(b'{"jsonrpc":"2.0","id":1,"method":"aid/prompt","params":{"workspace":"","prompt":"wait x"}}')
    for cut in range(0, len(request) + 1, 7):
        peer = await peers.Peer.connect(path)
        peer.raw(request[:cut])
        await asyncio.sleep(0)
        peer.die()
    assert await is_served(peers, path)


async def test_a_hundred_megabytes_are_refused_in_bounded_memory(
    fake_daemon: int, private: Any, peers: ModuleType
) -> None:
    path = private / "runtime" / "aid" / "aid.sock"
    async with await peers.Peer.connect(path) as peer, await peers.Peer.connect(path) as other:
        before = (await peer.call("aid/status"))["result"]["rss_bytes"]
        peer.raw(b"Content-Length: %d\r\n\r\n" % (100 * MEGABYTE))
        for _ in range(100):
            peer.raw(b"x" * MEGABYTE)
            await peer.writer.drain()
            assert "result" in await other.call("aid/status")
        assert (await peer.next())["error"]["code"] == -32600
        after = (await peer.call("aid/status"))["result"]["rss_bytes"]
    assert after - before < 10 * MEGABYTE


async def test_deaf_clients_cost_bounded_memory(fake_daemon: int, private: Any, peers: ModuleType) -> None:
    path = private / "runtime" / "aid" / "aid.sock"
    async with await peers.Peer.connect(path) as well:
        before = (await well.call("aid/status"))["result"]["rss_bytes"]
        deaf = await peers.Peer.connect(path)
        deaf.writer.transport.pause_reading()
        deaf.ask("aid/prompt", peers.prompt("update 300000"))
        after = (await well.call("aid/status"))["result"]["rss_bytes"]
        await deaf.close()
    assert after - before < 60 * MEGABYTE
