"""An editor with unsaved text on one connection, the command line on another: the real daemon between them."""

import json
import socket
from typing import Any

from aid.framing import Decoder, encode

Machine = Any
SEVEN = "calc.txt\n<<<<<<< SEARCH\nline 7\n=======\nline seven\n>>>>>>> REPLACE\n"
TOLD = "calc.txt has unsaved changes in an editor: save it, or accept there"


class Editor:
    """Says what an editor says, and waits for answers."""

    def __init__(self, machine: Machine) -> None:
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._link.connect(str(machine.home / "aid" / "aid.sock"))
        self._decoder = Decoder()
        self.heard: list[dict[str, Any]] = []

    def __enter__(self) -> "Editor":
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def tell(self, method: str, params: Any, **identity: int) -> None:
        body = {"jsonrpc": "2.0", "method": method, "params": params} | identity
        self._link.sendall(encode(json.dumps(body).encode()))

    def call(self, method: str, params: Any) -> Any:
        self.tell(method, params, id=1)
        while True:
            for body in self._decoder.feed(self._link.recv(65536)):
                assert isinstance(body, bytes)
                self.heard.append(json.loads(body))
            answers = [each for each in self.heard if "method" not in each]
            if answers:
                self.heard.remove(answers[0])
                return answers[0]["result"]


def test_the_command_line_does_not_write_under_unsaved_text(machine: Machine) -> None:
    machine.replies({"match": "", "reply": SEVEN})
    shown = json.loads(machine.run("ask", "change line 7", "--json").stdout)["id"]
    uri = (machine.root / "calc.txt").as_uri()
    with Editor(machine) as editor:
        editor.call("initialize", {"capabilities": {}, "rootUri": machine.root.as_uri()})
        text = machine.text.replace("line 20", "typed")
        item = {"uri": uri, "languageId": "plaintext", "version": 1, "text": text}
        editor.tell("textDocument/didOpen", {"textDocument": item})
        editor.call("aid/status", {})
        accepted = machine.run("accept", shown)
        assert accepted.returncode == 1 and TOLD in accepted.stderr
        asked = machine.run("ask", "change line 7", "--apply")
        assert asked.returncode == 1 and f"not applied: {TOLD}" in asked.stdout + asked.stderr
        assert "line 7\n" in machine.text
        editor.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
        editor.call("aid/status", {})
        assert machine.run("accept", shown).returncode == 0
    assert "line seven\n" in machine.text


def test_an_editors_file_is_shown_and_nothing_else_is_said_of_it(machine: Machine) -> None:
    """`aid.fix` names its file by the absolute path in its URI."""
    machine.replies({"match": "line 12", "reply": SEVEN})
    assert machine.run("start").returncode == 0
    uri = (machine.root / "calc.txt").as_uri()
    with Editor(machine) as editor:
        editor.call("initialize", {"capabilities": {}, "rootUri": machine.root.as_uri()})
        command = {"command": "aid.fix", "arguments": [{"uri": uri, "message": "no"}], "workDoneToken": "t"}
        result = editor.call("workspace/executeCommand", command)
        assert [file["path"] for file in result["proposal"]["files"]] == ["calc.txt"]
        said = [each["params"]["value"].get("message", "") for each in editor.heard if each["method"] == "$/progress"]
        assert said and not any("not shown" in each for each in said)
