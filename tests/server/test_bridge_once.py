"""What a request changes is changed once, however many daemons are asked it; they are killed at the worst moments."""

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from aid import lifecycle
from aid.models.recording import Piece, Recording

AFTER = "def area(r):\n    return 3.14 * r * r\n"


async def attached(world: Any, peers: ModuleType, again: list[int]) -> Any:
    """A peer that speaks as a bridge would: its acknowledgements are the test's to send, or not."""
    lifecycle.connect_or_start().close()
    peer = await peers.Peer.connect(world.private / "runtime/aid/aid.sock")
    answer = await peer.call("aid/attach", {"session": "s", "protocol": 1, "again": again})
    assert "result" in answer
    return peer


def forget_answers(private: Path) -> None:
    """As if the daemon had been killed before it could keep them."""
    for path in (private / "state/aid").glob("requests.db*"):
        path.unlink()


async def test_an_accept_that_was_carried_out_and_not_answered(
    world: Any, worlds: ModuleType, peers: ModuleType
) -> None:
    here = await world(Recording(match="", reply=worlds.REPLY, times=99))
    peer = await attached(here, peers, [])
    proposal = (await peer.answer(peer.ask("aid/prompt", here.prompt("a better pi"), 1)))["result"]["proposal"]["id"]
    await peer.close()
    await here.aid("stop")
    saved = here.private / "saved.db"
    shutil.copy(here.private / "state/aid/sessions.db", saved)
    peer = await attached(here, peers, [])
    first = (await peer.answer(peer.ask("aid/accept", {"id": proposal}, 2)))["result"]
    assert (here.workspace / "shape.py").read_text() == AFTER
    for lost in ("nothing", "the answer", "the answer and the proposal's state"):
        here.kill_daemon()
        if lost != "nothing":
            forget_answers(here.private)
        if lost.endswith("state"):
            for path in (here.private / "state/aid").glob("sessions.db-*"):
                path.unlink()
            shutil.copy(saved, here.private / "state/aid/sessions.db")
        await peer.close()
        peer = await attached(here, peers, [2])
        again = (await peer.answer(peer.ask("aid/accept", {"id": proposal}, 2)))["result"]
        assert (again["applied"], again["files"]) == (first["applied"], first["files"]), lost
        assert [each["id"] for each in await history(peer, here)] == [first["applied"]], lost
    refused = await peer.answer(peer.ask("aid/accept", {"id": proposal}, 3))
    assert "accepted already" in refused["error"]["message"], "another request is another matter"
    await peer.close()


async def history(peer: Any, world: Any) -> list[dict[str, Any]]:
    return list((await peer.call("aid/log", {"workspace": str(world.workspace)}))["result"]["entries"])


async def test_an_undo_that_was_carried_out_does_not_undo_the_one_before(
    world: Any, worlds: ModuleType, peers: ModuleType
) -> None:
    back = worlds.REPLY.replace("3 * r * r", "X").replace("3.14 * r * r", "3 * r * r").replace("X", "3.14 * r * r")
    here = await world(Recording(match="better", reply=worlds.REPLY), Recording(match="worse", reply=back))
    peer = await attached(here, peers, [])
    for number, words in enumerate(("a better pi", "a worse pi"), 1):
        asked = here.prompt(words, files=[{"path": "shape.py"}])
        proposal = (await peer.answer(peer.ask("aid/prompt", asked, 10 + number)))["result"]["proposal"]["id"]
        assert "applied" in (await peer.answer(peer.ask("aid/accept", {"id": proposal}, 20 + number)))["result"]
    undo = {"workspace": str(here.workspace)}
    first = (await peer.answer(peer.ask("aid/undo", undo, 30)))["result"]
    here.kill_daemon()
    forget_answers(here.private)
    await peer.close()
    peer = await attached(here, peers, [30])
    again = (await peer.answer(peer.ask("aid/undo", undo, 30)))["result"]
    assert again == first
    assert sorted(each["state"] for each in await history(peer, here)) == ["applied", "undone"]
    assert (here.workspace / "shape.py").read_text() == AFTER
    await peer.close()


async def test_a_prompt_that_applies_writes_and_proposes_once(
    world: Any, worlds: ModuleType, peers: ModuleType
) -> None:
    here = await world(Recording(match="", reply=worlds.REPLY, times=99))
    asked = here.prompt("a better pi", files=[{"path": "shape.py"}], apply=True, chat="c")
    peer = await attached(here, peers, [])
    first = (await peer.answer(peer.ask("aid/prompt", asked, 1)))["result"]
    here.kill_daemon()
    forget_answers(here.private)
    await peer.close()
    peer = await attached(here, peers, [1])
    again = (await peer.answer(peer.ask("aid/prompt", asked, 1)))["result"]
    assert again["id"] == first["id"]
    assert len(await history(peer, here)) == 1
    assert (here.workspace / "shape.py").read_text() == AFTER
    turns = (await peer.call("aid/chat", {"workspace": str(here.workspace), "chat": "c"}))["result"]["turns"]
    assert len(turns) == 1
    await peer.close()


async def test_an_edit_is_made_once_in_an_editor_that_answers_late(world: Any, worlds: ModuleType) -> None:
    here = await world(Recording(match="", reply=worlds.REPLY, times=99))
    editor = await here.editor()
    uri = (here.workspace / "shape.py").as_uri()
    item = {"uri": uri, "languageId": "python", "version": 1, "text": worlds.BEFORE}
    editor.tell("textDocument/didOpen", {"textDocument": item})
    asked = editor.ask("aid/prompt", here.prompt("a better pi", files=[{"path": "shape.py"}]))
    proposal = (await editor.answer(asked))["result"]["proposal"]["id"]
    accepting = editor.ask("aid/accept", {"id": proposal, "through_editor": True})
    edit = await editor.until("workspace/applyEdit")
    here.kill_daemon()
    assert "result" in await editor.call("aid/status"), "another daemon is there, and was asked to accept"
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": AFTER}]}
    editor.tell("textDocument/didChange", change)
    editor.send({"jsonrpc": "2.0", "id": edit["id"], "result": {"applied": True}})
    outcome = (await editor.answer(accepting))["result"]
    assert outcome["in_editor"] == ["shape.py"]
    assert [each["method"] for each in editor.heard if "method" in each].count("workspace/applyEdit") == 0
    assert (here.workspace / "shape.py").read_text() == worlds.BEFORE, "the editor saves, not AID"


async def test_the_next_daemon_knows_the_unsaved_text(world: Any) -> None:
    here = await world(Recording(match="", reply="ok", times=99))
    editor = await here.editor()
    uri = (here.workspace / "shape.py").as_uri()
    item = {"uri": uri, "languageId": "python", "version": 1, "text": "a = '😋漢'\r\nb = 2\r\n"}
    editor.tell("textDocument/didOpen", {"textDocument": item})

    def type_in(version: int, line: int, character: int, text: str) -> None:
        place = {"line": line, "character": character}
        change = {"range": {"start": place, "end": place}, "text": text}
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        editor.tell("textDocument/didChange", params)

    type_in(2, 0, 8, "é")  # behind 😋, which is two of UTF-16's units, and 漢
    await editor.call("aid/status")
    here.kill_daemon()
    type_in(3, 1, 5, "😋")
    asked = editor.ask("aid/prompt", here.prompt("say it", files=[{"path": "shape.py"}]))
    assert (await editor.answer(asked))["result"]["text"] == "ok"
    shown = here.server.seen[-1].body["messages"][0]["content"]
    assert "a = '😋漢é'\r\nb = 2😋" in shown or "a = '😋漢é'\nb = 2😋" in shown


async def test_a_restart_that_cannot_work_leaves_the_old_daemon(world: Any) -> None:
    here = await world(Recording(match="", reply="", pieces=(Piece(text="la"), Piece(wait="go"), Piece(text="te"))))
    editor = await here.connect()
    asked = editor.ask("aid/prompt", here.prompt("say it"))
    await here.server.until(requests=1)
    before = here.daemon
    here.configure("default_model = 5")
    process = await here.run("restart")
    assert (process.code, process.err.count("\n")) == (2, 1)
    assert "aid.toml: Expected `str`, got `int`" in process.err
    assert here.daemon == before
    here.server.release("go")
    assert (await editor.answer(asked))["result"]["text"] == "late"
    assert here.server.stats.requests == 1
