"""`aid connect` outlives daemons: killed, restarted, stopped, not to be started. Real ones, and a model that waits."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from aid.models.recording import Piece, Recording

SLOW = Recording(match="", reply="late", pieces=(Piece(text="la"), Piece(wait="go"), Piece(text="te")))
CANCELLED = -32800


async def test_killed_in_mid_answer_it_is_asked_anew_and_answers_once(world: Any, worlds: ModuleType) -> None:
    at = await world(SLOW)
    editor = await at.connect()
    asked = editor.ask("aid/prompt", at.prompt("say it", token="t"))
    while worlds.updates(editor.heard) != [("text", "la")]:
        editor.heard.append(await editor.next())
    at.kill_daemon()
    await at.server.until(requests=2)
    at.server.release("go")
    answer = await editor.answer(asked)
    assert answer["result"]["text"] == "late"
    told = worlds.updates(editor.heard)
    assert told[:2] == [("text", "la"), ("restart", "")]
    assert "".join(text for kind, text in told[2:] if kind == "text") == "late"
    requests = {each["params"]["request"] for each in editor.heard if each.get("method") == "aid/update"}
    assert requests == {answer["result"]["id"]}, "to a plugin it is one request"
    assert (await editor.call("aid/status"))["result"]["requests_running"] == 0


async def test_a_reply_that_had_come_is_not_asked_for_again(world: Any, worlds: ModuleType) -> None:
    """The first can't be placed, so the model is asked back; killed then, only that is asked again."""
    second = Recording(match="no such line", times=9, reply="", pieces=(Piece(wait="go"), Piece(text=worlds.REPLY)))
    at = await world(Recording(reply=worlds.MISPLACED), second)
    editor = await at.connect()
    asked = editor.ask("aid/prompt", at.prompt("use a better pi", files=[{"path": "shape.py"}]))
    await at.server.until(requests=2)
    at.kill_daemon()
    await at.server.until(requests=3)
    at.server.release("go")
    answer = await editor.answer(asked)
    assert "3.14" in answer["result"]["proposal"]["diff"]
    assert answer["result"]["candidates"][0]["attempts"] == 2
    first, *again = at.prompts_seen()
    assert "no such line" not in first
    assert all("no such line" in each for each in again)
    assert len(again) == 2


async def test_an_answer_that_was_not_delivered_is_not_worked_out_again(world: Any, peers: ModuleType) -> None:
    words = "x" * 700_000
    at = await world(Recording(match="", reply="", pieces=(Piece(wait="go"), Piece(text=words))))
    editor = await at.connect()
    asked = editor.ask("aid/prompt", at.prompt("say it"))
    await at.server.until(requests=1)
    editor.process.send_signal(signal.SIGSTOP)  # the socket holds only the beginning of so long an answer
    at.server.release("go")
    async with await peers.Peer.connect(at.private / "runtime/aid/aid.sock") as other:
        while not kept(at.private, "answers"):
            await other.call("aid/status")
    at.kill_daemon()
    editor.process.send_signal(signal.SIGCONT)
    answer = await editor.answer(asked)
    assert answer["result"]["text"] == words
    assert at.server.stats.requests == 1
    while kept(at.private, "answers") or kept(at.private, "replies"):
        await editor.call("aid/status")  # what is delivered is forgotten, and this comes after it


def kept(private: Path, table: str) -> int:
    path = private / "state/aid/requests.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as db, suppress(sqlite3.OperationalError):  # it is just being made
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return 0


async def test_restarts_with_requests_under_way_lose_none_and_double_none(world: Any) -> None:
    at = await world(Recording(match="", marker=r"say #(\d+)", reply="answer to {marker}", times=10**6))
    editors = [await at.connect() for _ in range(2)]
    answered: list[dict[int, list[str]]] = [{}, {}]
    stop = asyncio.Event()

    async def talk(number: int) -> None:
        editor = editors[number]
        asked = 0
        while asked < 20 or not stop.is_set() or len(answered[number]) < asked:
            while asked - len(answered[number]) < 20 and not (stop.is_set() and asked >= 20):
                asked += 1
                editor.ask("aid/prompt", at.prompt(f"say #{asked}"), asked)
            message = await editor.next()
            if "method" not in message:
                answered[number].setdefault(message["id"], []).append(message["result"]["text"])

    talking = [asyncio.create_task(talk(number)) for number in range(2)]
    pids = {at.daemon}
    for _ in range(20):
        await at.aid("restart")
        pids.add(at.daemon)
    stop.set()
    await asyncio.gather(*talking)
    assert len(pids - {0}) >= 20
    for each in answered:
        assert each == {number: [f"answer to {number}"] for number in range(1, len(each) + 1)}


async def test_cancelled_requests_are_not_asked_again(world: Any) -> None:
    at = await world(SLOW)
    editor = await at.connect()
    asked = editor.ask("aid/prompt", at.prompt("say it"))
    await at.server.until(requests=1)
    os.kill(at.daemon, signal.SIGSTOP)  # so that it is killed before it can do what it is told
    editor.tell("$/cancelRequest", {"id": asked})
    at.kill_daemon()
    assert (await editor.answer(asked))["error"]["code"] == CANCELLED
    assert (await editor.call("aid/status"))["result"]["requests_running"] == 0
    assert at.server.stats.requests == 1


async def test_a_request_that_kills_every_daemon_is_given_up(world: Any) -> None:
    at = await world(SLOW)
    editor = await at.connect()
    asked = editor.ask("aid/prompt", at.prompt("say it"))
    for count in (1, 2, 3):
        await at.server.until(requests=count)
        at.kill_daemon()
    assert "3 daemons died" in (await editor.answer(asked))["error"]["message"]
    assert "result" in await editor.call("aid/status")


async def test_a_stopped_daemon_is_only_started_when_something_is_asked(world: Any) -> None:
    at = await world(SLOW)
    editor = await at.connect()
    assert "result" in await editor.call("aid/status")
    asked = editor.ask("aid/prompt", at.prompt("say it"))
    await at.server.until(requests=1)
    await at.aid("stop")
    assert "error" in await editor.answer(asked)
    editor.tell("workspace/didChangeWatchedFiles", {"changes": []})
    assert at.daemon == 0
    assert "result" in await editor.call("aid/status")
    assert at.daemon != 0


async def test_what_is_asked_while_a_daemon_ends_is_answered_by_the_next(world: Any) -> None:
    at = await world(SLOW)
    editor, other = await at.editor(), await at.editor()
    asked = other.ask("aid/prompt", at.prompt("say it"))
    await at.server.until(requests=1)
    ending = at.daemon
    stopping = asyncio.create_task(at.aid("stop"))
    while not stopping.done():
        for each in (editor, other):
            answer = await each.call("aid/status")
            assert "result" in answer, answer
    assert at.daemon not in (0, ending)
    given_up = [each for each in other.heard if each.get("id") == asked]
    assert [each["error"]["code"] for each in given_up] == [CANCELLED], "that was what the stop was for"
    for each in (editor, other):
        assert not any(heard.get("params", {}).get("type") == 1 for heard in each.heard)


async def test_a_daemon_that_cannot_start_is_one_line_and_comes_when_it_can(world: Any) -> None:
    at = await world(SLOW)
    at.configure("default_model = 5")
    editor = await at.connect()
    capabilities = {"processId": None, "rootUri": None, "capabilities": {}}
    begun = editor.ask("initialize", capabilities)
    told = (await editor.until("window/showMessage"))["params"]
    assert told["type"] == 1
    assert "aid.toml: Expected `str`, got `int`" in told["message"]
    refused = (await editor.call("aid/status"))["error"]["message"]
    assert told["message"] == f"AID: {refused}"
    at.configure()
    assert "result" in await editor.call("aid/status")
    assert any(each.get("id") == begun and "result" in each for each in editor.heard), "the editor was let in"
    told_again = [each["params"]["message"] for each in editor.heard if each.get("method") == "window/showMessage"]
    assert refused not in " ".join(told_again)


async def test_leaving_in_good_order_is_exit_zero_and_otherwise_one(world: Any) -> None:
    at = await world(SLOW)
    editor = await at.editor()
    assert (await editor.call("shutdown"))["result"] is None
    editor.tell("exit")
    assert await editor.process.wait() == 0
    hasty = await at.editor()
    hasty.tell("exit")
    assert await hasty.process.wait() == 1


async def test_shutdown_is_answered_when_the_daemon_is_gone(world: Any) -> None:
    at = await world(SLOW)
    editor = await at.editor()
    await at.aid("stop")
    assert (await editor.call("shutdown"))["result"] is None
    editor.tell("exit")
    assert await editor.process.wait() == 0
    assert at.daemon == 0
