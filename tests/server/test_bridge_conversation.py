"""What a bridge tells the next daemon, and what it tells the editor, message by message, without processes."""

from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import (
    Position,
    Range,
    TextDocumentContentChangePartial,
    TextDocumentItem,
    VersionedTextDocumentIdentifier,
)

from aid.bridge.conversation import Conversation
from aid.positions import UNKNOWN
from aid.server.documents import Documents as DaemonsDocuments

INITIALIZE = {"processId": None, "rootUri": None, "capabilities": {}}
ATTACHED = {"protocol": 1, "version": "0", "pid": 1}
URI = "file:///w/a.ml"


class Scene:
    """`editor` and `daemon` are what each was sent, decoded."""

    def __init__(self) -> None:
        self.editor: list[dict[str, Any]] = []
        self.daemon: list[dict[str, Any]] = []
        self.conversation = Conversation(
            "s",
            lambda body: self.editor.append(msgspec.json.decode(body)),
            lambda body: self.daemon.append(msgspec.json.decode(body)),
        )

    def says(self, method: str, params: Any = None, identity: int | str | None = None) -> None:
        """The editor."""
        self.conversation.from_editor(_body(method, params, identity))

    def asks(self, method: str, params: Any = None, identity: int | str | None = None) -> None:
        """The daemon."""
        self.conversation.from_daemon(_body(method, params, identity))

    def answers(self, identity: int | str, result: Any = None) -> None:
        """The daemon."""
        self.conversation.from_daemon(
            msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "result": {} if result is None else result})
        )
        self.conversation.settle()

    def replies(self, identity: int | str, result: Any) -> None:
        """The editor, to what a daemon asked."""
        self.conversation.from_editor(msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "result": result}))

    def attach(self) -> None:
        """Another daemon."""
        self.daemon.clear()
        self.conversation.attach()
        self.answers(self.bridges_own("aid/attach"), ATTACHED)

    def bridges_own(self, method: str) -> str:
        """The id of a request that the bridge made itself."""
        return str(next(each["id"] for each in self.daemon if each["method"] == method))

    def said(self) -> list[str]:
        """What the daemon was told, after the attaching."""
        return [each["method"] for each in self.daemon[1:]]

    def initialized(self) -> None:
        self.attach()
        self.says("initialize", INITIALIZE, 1)
        self.answers(1, {"capabilities": {"positionEncoding": "utf-16"}})
        self.says("initialized", {})

    def open(self, text: str) -> None:
        item = {"uri": URI, "languageId": "ocaml", "version": 1, "text": text}
        self.says("textDocument/didOpen", {"textDocument": item})

    def shown(self) -> list[dict[str, Any]]:
        """The documents that the daemon was told of."""
        opened = [each for each in self.daemon if each.get("method") == "textDocument/didOpen"]
        return [each["params"]["textDocument"] for each in opened]


def _body(method: str, params: Any, identity: int | str | None) -> bytes:
    head = {"jsonrpc": "2.0", "method": method} | ({} if identity is None else {"id": identity})
    return msgspec.json.encode(head if params is None else head | {"params": params})


def test_the_next_daemon_is_told_in_the_order_it_needs() -> None:
    scene = Scene()
    scene.initialized()
    scene.says("workspace/didChangeConfiguration", {"settings": {}})
    scene.open("let x = 1\n")
    scene.says("aid/prompt", {"workspace": "/w", "prompt": "p"}, 2)
    scene.conversation.lost()
    event = {"added": [{"uri": "file:///v", "name": "v"}], "removed": []}
    scene.says("workspace/didChangeWorkspaceFolders", {"event": event})
    scene.says("aid/build", {"workspace": "/w"}, 3)
    scene.attach()
    assert scene.daemon[0]["params"] == {"session": "s", "protocol": 1, "again": [2]}
    assert scene.said() == [
        "initialize",
        "initialized",
        "workspace/didChangeConfiguration",
        "workspace/didChangeWorkspaceFolders",
        "textDocument/didOpen",
        "aid/prompt",
        "aid/build",
    ]
    scene.answers(scene.bridges_own("initialize"), {"capabilities": {"positionEncoding": "utf-16"}})
    scene.answers(2)
    scene.answers(3)
    assert [each["id"] for each in scene.editor] == [1, 2, 3], "and the editor sees nothing of it"
    assert scene.daemon[-1]["params"] == {"ids": [3]}


places = st.tuples(st.integers(0, 6), st.integers(0, 9))
texts = st.text(alphabet=st.sampled_from("aé漢😋\n\r\f\u2028\t"), max_size=30)
edits = st.lists(st.tuples(places, places, texts), max_size=8)


@given(text=texts, changes=edits, absent=st.integers(0, 8))
def test_unsaved_text_is_what_a_daemon_that_was_there_all_along_would_have(
    text: str, changes: list[tuple[tuple[int, int], tuple[int, int], str]], absent: int
) -> None:
    scene = Scene()
    scene.initialized()
    scene.open(text)
    witness = DaemonsDocuments(None, position_encoding="utf-16")
    witness.put_text_document(TextDocumentItem(uri=URI, language_id="ocaml", version=1, text=text))
    for version, (one, other, new) in enumerate(changes, 2):
        if version == absent:
            scene.conversation.lost()
        start, end = min(one, other), max(one, other)
        where = Range(Position(*start), Position(*end))
        place = {name: {"line": line, "character": at} for name, (line, at) in (("start", start), ("end", end))}
        params = {
            "textDocument": {"uri": URI, "version": version},
            "contentChanges": [{"range": place, "text": new}],
        }
        scene.says("textDocument/didChange", params)
        change = TextDocumentContentChangePartial(range=where, text=new)
        witness.update_text_document(VersionedTextDocumentIdentifier(uri=URI, version=version), change)
    scene.conversation.lost()
    scene.attach()
    expected = {
        "uri": URI,
        "languageId": "ocaml",
        "version": len(changes) + 1,
        "text": witness.get_text_document(URI).source,
    }
    assert scene.shown() == [expected]


def test_a_whole_text_replaces_what_was_there_and_a_closed_document_is_gone() -> None:
    scene = Scene()
    scene.initialized()
    scene.open("old\r\n")
    change = {"textDocument": {"uri": URI, "version": 7}, "contentChanges": [{"text": "neu 😋\r\n"}]}
    scene.says("textDocument/didChange", change)
    scene.conversation.lost()
    scene.attach()
    assert [(each["version"], each["text"]) for each in scene.shown()] == [(7, "neu 😋\r\n")]
    scene.says("textDocument/didClose", {"textDocument": {"uri": URI}})
    scene.conversation.lost()
    scene.attach()
    assert scene.shown() == []


def test_unsaved_text_with_half_a_character_is_passed_on_and_kept() -> None:
    scene = Scene()
    scene.initialized()
    scene.open("left\n")
    place = '{"line":0,"character":4}'
    change = rf'{{"range":{{"start":{place},"end":{place}}},"text":"\ude0b!"}}'
    scene.conversation.from_editor(changed(2, f'"contentChanges":[{change}]'))
    assert scene.daemon[-1]["params"]["contentChanges"][0]["text"] == "\ufffd!"
    scene.conversation.lost()
    scene.attach()
    assert [each["text"] for each in scene.shown()] == ["left\ufffd!\n"]


@pytest.mark.parametrize(
    "change",
    [
        r'"contentChanges":[{"text":"\q"}]',
        '"contentChanges":[{"text":5}]',
        '"contentChanges":[{"text":"',
    ],
)
def test_a_text_that_cannot_be_read_is_unknown_until_all_of_it_is_said(change: str) -> None:
    scene = Scene()
    scene.initialized()
    scene.open("left\n")
    scene.conversation.from_editor(changed(2, change))
    typed = r'"contentChanges":[{"range":{"start":{"line":0,"character":0},"end":{"line":9,"character":0}},"text":"x"}]'
    scene.conversation.from_editor(changed(3, typed))
    scene.conversation.lost()
    scene.attach()
    assert [each["text"] for each in scene.shown()] == [UNKNOWN]
    scene.conversation.from_editor(changed(4, '"contentChanges":[{"text":"right"}]'))
    scene.conversation.lost()
    scene.attach()
    assert [each["text"] for each in scene.shown()] == ["right"]


def changed(version: int, change: str) -> bytes:
    document = f'"textDocument":{{"uri":"{URI}","version":{version}}}'
    said = f'{{"jsonrpc":"2.0","method":"textDocument/didChange","params":{{{document},{change}}}}}'
    return said.encode()


def test_an_edit_asked_for_twice_is_made_once_and_the_answer_given_to_whoever_waits() -> None:
    scene = Scene()
    scene.initialized()
    scene.says("aid/accept", {"id": "p1"}, 2)
    scene.asks("workspace/applyEdit", {"edit": {}}, "aid-edit-1")
    scene.conversation.lost()
    scene.attach()
    scene.asks("workspace/applyEdit", {"edit": {}}, "aid-edit-1")
    scene.replies("aid-edit-1", {"applied": True})
    assert [each.get("method") for each in scene.editor].count("workspace/applyEdit") == 1
    assert scene.daemon[-1] == {"jsonrpc": "2.0", "id": "aid-edit-1", "result": {"applied": True}}


def test_an_edit_answered_while_there_was_no_daemon_is_answered_for_the_next() -> None:
    scene = Scene()
    scene.initialized()
    scene.says("aid/accept", {"id": "p1"}, 2)
    scene.asks("workspace/applyEdit", {"edit": {}}, "aid-edit-1")
    scene.conversation.lost()
    scene.replies("aid-edit-1", {"applied": True})
    scene.attach()
    assert "result" not in scene.daemon[-1], "nobody has asked yet"
    scene.asks("workspace/applyEdit", {"edit": {}}, "aid-edit-1")
    assert scene.daemon[-1]["result"] == {"applied": True}


def test_a_late_answer_to_a_dead_daemon_is_not_told_to_the_next() -> None:
    scene = Scene()
    scene.initialized()
    scene.asks("window/workDoneProgress/create", {"token": "t"}, "a-uuid")
    scene.conversation.lost()
    scene.attach()
    before = list(scene.daemon)
    scene.replies("a-uuid", None)
    scene.replies("never-asked", None)
    assert scene.daemon == before


def test_progress_of_a_dead_daemon_ends_and_that_of_a_request_goes_on() -> None:
    scene = Scene()
    scene.initialized()
    scene.says("workspace/executeCommand", {"command": "aid.fix", "workDoneToken": "mine"}, 2)
    for token in ("mine", "theirs"):
        scene.asks("$/progress", {"token": token, "value": {"kind": "begin", "title": "AID"}})
    scene.conversation.lost()
    scene.attach()
    scene.asks("$/progress", {"token": "mine", "value": {"kind": "begin", "title": "AID"}})
    scene.answers(2)
    told = [(each["params"]["token"], each["params"]["value"]["kind"]) for each in scene.editor if "params" in each]
    assert told == [("mine", "begin"), ("theirs", "begin"), ("theirs", "end"), ("mine", "report"), ("mine", "end")]


def test_an_answer_that_comes_twice_is_passed_on_once() -> None:
    scene = Scene()
    scene.attach()
    scene.says("aid/status", {}, 1)
    scene.answers(1)
    scene.answers(1)
    assert len(scene.editor) == 1


def test_of_a_stopped_daemon_only_what_it_was_at_is_given_up() -> None:
    scene = Scene()
    scene.attach()
    for identity in (1, 2):
        scene.says("aid/prompt", {"workspace": "/w", "prompt": "p"}, identity)
    scene.asks("aid/ending", {"restart": False, "dropped": [1]})
    scene.conversation.lost()
    assert [(each["id"], each["error"]["code"]) for each in scene.editor] == [(1, -32020)]
    assert scene.conversation.wanted and scene.conversation.pressing
    scene.attach()
    assert [each["id"] for each in scene.daemon[1:]] == [2]


@pytest.mark.parametrize("identity", ["aid/attach", "aid/initialize"])
def test_no_id_of_an_editors_request_is_the_bridges_own(identity: str) -> None:
    scene = Scene()
    scene.initialized()
    scene.says("aid/status", {}, identity)
    scene.answers(identity)
    assert scene.editor[-1] == {"jsonrpc": "2.0", "id": identity, "result": {}}


def test_a_daemon_that_remembers_nothing_is_not_asked_again() -> None:
    """An older AID, from before bridges had sessions."""
    scene = Scene()
    scene.attach()
    scene.says("aid/accept", {"id": "p1"}, 1)
    scene.conversation.lost()
    scene.says("aid/status", {}, 2)
    scene.daemon.clear()
    scene.conversation.attach()
    unknown = {
        "jsonrpc": "2.0",
        "id": scene.bridges_own("aid/attach"),
        "error": {"code": -32601, "message": "no such method"},
    }
    scene.conversation.from_daemon(msgspec.json.encode(unknown))
    assert scene.said() == ["aid/status"]
    assert "can't know what it did" in scene.editor[0]["error"]["message"]
    scene.answers(2)
    assert len(scene.daemon) == 2, "and nobody tells it what was delivered"


def test_a_daemon_of_another_protocol_is_said_plainly_and_left() -> None:
    scene = Scene()
    scene.says("initialize", INITIALIZE, 1)
    scene.says("aid/status", {}, 2)
    scene.conversation.attach()
    told = "the daemon speaks protocol 9, this editor's 'aid connect' 1: …"
    refused = {"jsonrpc": "2.0", "id": scene.bridges_own("aid/attach"), "error": {"code": -32021, "message": told}}
    scene.conversation.from_daemon(msgspec.json.encode(refused))
    assert scene.conversation.refused
    assert [each.get("id", each.get("method")) for each in scene.editor] == [2, "window/showMessage"]
    assert told in scene.editor[0]["error"]["message"]
    assert told in scene.editor[1]["params"]["message"]


def test_other_capabilities_after_an_upgrade_are_told_once() -> None:
    scene = Scene()
    scene.initialized()
    for _ in range(2):
        scene.conversation.lost()
        scene.attach()
        scene.answers(
            scene.bridges_own("initialize"), {"capabilities": {"positionEncoding": "utf-16", "hoverProvider": True}}
        )
    told = [each["params"]["message"] for each in scene.editor if each.get("method") == "window/showMessage"]
    assert len(told) == 1
    assert "upgraded" in told[0]


async def test_a_bridge_of_another_protocol_is_refused_in_words(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with await peers.Peer.connect(path) as peer:
        refused = (await peer.call("aid/attach", {"session": "s", "protocol": 999}))["error"]
        assert "'aid connect' 999" in refused["message"]
        assert (await peer.call("aid/attach", {"session": "s", "protocol": 1}))["result"]["protocol"] == 1
        assert "error" in await peer.call("aid/attach", {"session": "s", "protocol": 1})
