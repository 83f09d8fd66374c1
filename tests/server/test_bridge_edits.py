"""An edit that an editor has made is recorded once and can be taken back, when the daemon is killed before it knew.

The daemon is stopped once it has asked for the edit; the editor makes it and says so; then the daemon is killed with
that unread, and the next one is asked the same by the bridge.
"""

import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from aid.apply.opened import open_journal
from aid.models.recording import Recording

TWO = "\nnotes.md\n<<<<<<< SEARCH\n=======\nhello\n>>>>>>> REPLACE\n"


class Desk:
    """An editor that shows shape.py and makes the edits it is asked for; the proposal is also for notes.md, on disk."""

    def __init__(self, world: Any, worlds: ModuleType, editor: Any) -> None:
        self.world = world
        self.worlds = worlds
        self.editor = editor
        self.uri = (world.workspace / "shape.py").as_uri()
        self.text: str = worlds.BEFORE
        self.version = 1
        self.edits = 0
        item = {"uri": self.uri, "languageId": "python", "version": 1, "text": self.text}
        editor.tell("textDocument/didOpen", {"textDocument": item})

    def type(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        document = {"uri": self.uri, "version": self.version}
        self.editor.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    async def proposal(self) -> str:
        asked = self.world.prompt("a better pi", files=[{"path": "shape.py"}])
        found = str((await self.editor.call("aid/prompt", asked))["result"]["proposal"]["id"])
        await self.editor.call("aid/stats", {})  # waits for what is counted, which is written beside the work
        return found

    def make(self, asked: dict[str, Any]) -> None:
        """The edit, as an editor would: whole lines, each place as it was before."""
        lines = self.text.splitlines(keepends=True)
        (change,) = asked["params"]["edit"]["documentChanges"]
        assert change["textDocument"]["version"] == self.version
        for each in reversed(change["edits"]):
            first, last = each["range"]["start"], each["range"]["end"]
            assert first["character"] == last["character"] == 0
            lines[first["line"] : last["line"]] = [each["newText"]]
        self.edits += 1
        self.type("".join(lines))
        self.editor.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"applied": True}})

    async def do(
        self, method: str, params: dict[str, Any], *, killed: bool, then: Callable[[], None] = lambda: None
    ) -> Any:
        """A request that has an edit made; `killed`: the daemon is, before it hears of that. `then`: right after."""
        asked = self.editor.ask(method, params | {"through_editor": True})
        edit = await self.editor.until("workspace/applyEdit")
        pid = self.world.daemon
        if killed:
            os.kill(pid, signal.SIGSTOP)
        self.make(edit)
        if killed:
            self.editor.ask("aid/status", identity=asked)  # which the bridge refuses itself: it has read all before
            assert "still being answered" in (await self.editor.answer(asked))["error"]["message"]
            self.world.kill_daemon()
            then()
        return (await self.editor.answer(asked))["result"]

    async def answered(self, identity: int | str) -> Any:
        """The answer to a request; what is asked of the editor meanwhile is unknown to it."""
        while True:
            message = await self.editor.next()
            assert message.get("method") != "workspace/applyEdit"
            if "method" in message and "id" in message:
                error = {"code": -32601, "message": f"there is no method {message['method']}"}
                self.editor.send({"jsonrpc": "2.0", "id": message["id"], "error": error})
            elif message.get("id") == identity:
                return message

    def begun(self) -> bool:
        """Whether the daemon has written down what it is about to ask the editor for."""
        with contextlib.closing(sqlite3.connect(self.world.private / "state" / "aid" / "sessions.db")) as db:
            return bool(db.execute("SELECT count(*) FROM begun").fetchone()[0])

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.world.aid("stats", "--json"))
        return {name: count for name, count in found["outcomes"].items() if count}


@pytest.fixture
async def desk(world: Any, worlds: ModuleType) -> Desk:
    here = await world(Recording(match="", reply=worlds.REPLY + TWO, times=99))
    return Desk(here, worlds, await here.editor())


@pytest.mark.parametrize("typed", ["nothing", "before", "after", "over it"])
async def test_an_accepted_edit(desk: Desk, typed: str) -> None:
    proposal = await desk.proposal()
    notes = desk.world.workspace / "notes.md"
    if typed == "before":
        desk.type(f"import math\n\n\n{desk.text}")
    before = desk.text
    then = {
        "after": lambda: desk.type(f"import math\n\n\n{desk.text}"),
        "over it": lambda: desk.type(desk.text.replace("3.14", "3.1416")),
    }.get(typed, lambda: None)
    outcome = await desk.do("aid/accept", {"id": proposal}, killed=True, then=then)
    assert (outcome["in_editor"], desk.edits) == (["shape.py"], 1)
    assert notes.read_text() == "hello\n" and desk.text.count("3.14") == 1
    waiting = await desk.editor.call("aid/proposals", {"workspace": str(desk.world.workspace)})
    assert waiting["result"].get("proposals", []) == []
    assert await desk.stats() == {"accepted": 1}

    asked = {"workspace": str(desk.world.workspace), "id": outcome["applied"], "through_editor": True}
    if typed == "over it":
        refused = (await desk.editor.call("aid/undo", asked))["result"]["refused"]
        assert [each["path"] for each in refused] == ["shape.py"] and notes.exists()
        return
    undone = await desk.do("aid/undo", asked, killed=False)
    assert undone["applied"] == outcome["applied"] and not notes.exists()
    assert desk.text == (f"import math\n\n\n{before}" if typed == "after" else before)
    assert await desk.stats() == {"undone": 1}


async def test_an_edit_taken_back(desk: Desk) -> None:
    before, notes = desk.text, desk.world.workspace / "notes.md"
    done = await desk.do("aid/accept", {"id": await desk.proposal()}, killed=False)
    asked = {"workspace": str(desk.world.workspace), "id": done["applied"]}
    undone = await desk.do("aid/undo", asked, killed=True)
    assert (undone["applied"], undone["in_editor"], desk.edits) == (done["applied"], ["shape.py"], 2)
    assert desk.text == before and not notes.exists()
    assert await desk.stats() == {"undone": 1}
    redone = await desk.do("aid/redo", asked, killed=True)
    assert redone["applied"] == done["applied"] and "3.14" in desk.text and notes.read_text() == "hello\n"
    assert await desk.stats() == {"accepted": 1}


async def test_an_edit_that_the_editor_did_not_make(desk: Desk) -> None:
    """Nothing of the proposal is there then, also where the daemon died before it knew."""
    proposal, before = await desk.proposal(), desk.text
    asked = desk.editor.ask("aid/accept", {"id": proposal, "through_editor": True})
    edit = await desk.editor.until("workspace/applyEdit")
    assert (desk.world.workspace / "notes.md").exists(), "the disk goes first"
    desk.world.kill_daemon()
    answer = {"applied": False, "failureReason": "not now"}
    desk.editor.send({"jsonrpc": "2.0", "id": edit["id"], "result": answer})
    outcome = (await desk.editor.answer(asked))["result"]
    assert [each["reason"] for each in outcome["refused"]] == ["not now"]
    assert not (desk.world.workspace / "notes.md").exists() and desk.text == before
    assert await desk.stats() == {}
    again = await desk.do("aid/accept", {"id": proposal}, killed=False)
    assert again["in_editor"] == ["shape.py"] and desk.edits == 1


async def test_an_edit_that_the_editor_was_never_asked_for(desk: Desk) -> None:
    """The daemon dies before it asks, the person having typed over the lines: nothing is accepted, on disk neither."""
    proposal = await desk.proposal()
    waiting = {"workspace": str(desk.world.workspace)}
    with open_journal(desk.world.workspace).locked():  # the disk goes first: there the daemon waits
        asked = desk.editor.ask("aid/accept", {"id": proposal, "through_editor": True})
        while not desk.begun():
            await desk.editor.call("aid/proposals", waiting)
        desk.type(desk.text.replace("return 3 *", "return 3.1416 *"))
        await desk.editor.call("aid/proposals", waiting)  # by now the daemon knows what was typed
        desk.world.kill_daemon()
    typed = desk.text
    outcome = (await desk.answered(asked))["result"]
    assert [(each["path"], each["reason"]) for each in outcome["refused"]] == [("shape.py", "edited since")]
    assert outcome["applied"] is None and (desk.text, desk.edits) == (typed, 0)
    assert not (desk.world.workspace / "notes.md").exists()
    told = (await desk.editor.call("aid/proposals", waiting))["result"]["proposals"]
    assert [each["id"] for each in told] == [proposal]
    assert await desk.stats() == {}
