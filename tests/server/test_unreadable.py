"""What an editor says of its unsaved text and nobody can read: the disk is not written under it."""

from types import ModuleType
from typing import Any

import pytest

from aid.framing import encode
from aid.models.recording import Recording

TYPED = 'def area(r):\n    return 3 * r * r\n\n\nface = "%s"\n'


def said(method: str, document: str) -> bytes:
    return encode(f'{{"jsonrpc":"2.0","method":"textDocument/{method}","params":{{{document}}}}}'.encode("latin-1"))


def opened(uri: str, text: str) -> bytes:
    escaped = text.replace("\n", r"\n").replace('"', r"\"")
    return said("didOpen", f'"textDocument":{{"uri":"{uri}","languageId":"python","version":1,"text":"{escaped}"}}')


async def test_half_a_character_in_unsaved_text_is_left_where_it_is(world: Any, worlds: ModuleType) -> None:
    at = await world(Recording(match="", reply=worlds.REPLY, times=9))
    editor = await at.editor()
    editor.raw(opened((at.workspace / "shape.py").as_uri(), TYPED % r"\ud83d"))
    asked = at.prompt("a better pi", files=[{"path": "shape.py"}])
    proposal = (await editor.call("aid/prompt", asked))["result"]["proposal"]["id"]
    accepting = editor.ask("aid/accept", {"id": proposal, "through_editor": True})
    edit = await editor.until("workspace/applyEdit")
    (change,) = edit["params"]["edit"]["documentChanges"]
    assert [each["newText"] for each in change["edits"]] == ["    return 3.14 * r * r\n"]
    editor.send({"jsonrpc": "2.0", "id": edit["id"], "result": {"applied": True}})
    assert (await editor.answer(accepting))["result"]["in_editor"] == ["shape.py"]
    assert (at.workspace / "shape.py").read_text() == worlds.BEFORE


@pytest.mark.parametrize("through", ["the editor", "the disk"])
@pytest.mark.parametrize("text", [r"\q", "\xff"], ids=["a bad escape", "not UTF-8"])
async def test_text_that_cannot_be_read_is_not_edited(world: Any, worlds: ModuleType, text: str, through: str) -> None:
    at = await world(Recording(match="", reply=worlds.REPLY, times=9))
    editor = await at.editor()
    asked = at.prompt("a better pi", files=[{"path": "shape.py"}])
    proposal = (await editor.call("aid/prompt", asked))["result"]["proposal"]["id"]
    editor.raw(opened((at.workspace / "shape.py").as_uri(), TYPED % text))
    answer = await editor.call("aid/accept", {"id": proposal, "through_editor": through == "the editor"})
    assert "shape.py" in str(answer.get("error") or answer["result"]["refused"])
    assert not any(each.get("method") == "workspace/applyEdit" for each in editor.heard)
    assert (at.workspace / "shape.py").read_text() == worlds.BEFORE
