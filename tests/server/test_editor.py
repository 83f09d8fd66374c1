"""pygls behind a real socket: what is mended of it stays mended."""

import asyncio
import gc
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aid.server.lsp import Editor

URI = "file:///w/a.ml"
CAPABILITIES = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}


@asynccontextmanager
async def opened(peers: ModuleType, path: Path, text: str = "bad\n") -> AsyncIterator[Any]:
    """A client with one document."""
    async with await peers.Peer.connect(path) as peer:
        params = {"capabilities": CAPABILITIES, "rootUri": "file:///w", "initializationOptions": {"diagnostics": False}}
        assert "result" in await peer.call("initialize", params)
        item = {"uri": URI, "languageId": "ocaml", "version": 1, "text": text}
        peer.tell("textDocument/didOpen", {"textDocument": item})
        yield peer


def command(prompt: str) -> dict[str, Any]:
    return {"command": "aid.edit", "arguments": [{"uri": URI, "prompt": prompt}]}


def says(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    return f"{error['code']} {error['message']}" if error else str(answer["result"])


async def test_cancelling_a_command_stops_its_work(serve: Any, peers: ModuleType) -> None:
    """Under the id 0, with which some editors begin."""
    _, host, path = await serve()
    async with opened(peers, path) as peer:
        asked = peer.ask("workspace/executeCommand", command("wait a"), identity=0)
        await host.until_running(1)
        peer.tell("$/cancelRequest", {"id": asked})
        assert says(await peer.answer(asked)) == "-32800 cancelled"
        assert host.cancelled == {"a"}


async def test_an_answer_settles_no_request_of_the_client_itself(serve: Any, peers: ModuleType) -> None:
    _, host, path = await serve()
    async with opened(peers, path) as peer:
        asked = peer.ask("workspace/executeCommand", command("wait a"), identity="x")
        await host.until_running(1)
        peer.send({"jsonrpc": "2.0", "id": "x", "result": "forged"})
        peer.send({"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": "forged"}})
        assert "result" in await peer.call("aid/status")
        host.released.set()
        assert (await peer.answer(asked))["result"]["text"] == "a"


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        (
            "workspace/executeCommand",
            {"command": ["x"], "arguments": 5},
            "-32602 invalid value for type, expected Optional @ $.params.arguments",
        ),
        (
            "textDocument/codeAction",
            {"textDocument": {"uri": URI}},
            "-32602 required field missing @ $.params.range; required field missing @ $.params.context",
        ),
        ("textDocument/hover", {}, "-32601 there is no method 'textDocument/hover'"),
        ("aid/nothing", {"type_name": "X"}, "-32601 there is no method 'aid/nothing'"),
        ("initialize", {"capabilities": {}}, "-32600 'initialize' was already sent"),
    ],
)
async def test_a_request_that_makes_no_sense_is_answered(
    serve: Any, peers: ModuleType, method: str, params: Any, expected: str
) -> None:
    _, _, path = await serve()
    async with opened(peers, path) as peer:
        assert says(await peer.call(method, params)) == expected


async def test_a_message_of_too_many_values_is_not_built(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with opened(peers, path) as peer:
        arguments = {"command": "aid.undo", "arguments": [[]] * 1_000_001}
        answer = await peer.call("workspace/executeCommand", arguments)
        assert says(answer) == "-32600 the message has more than 2000000 values"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": {"code": 1, "message": "not now"}}, "the client refused: not now"),
        ({"error": 5}, "the client's answer can't be read: "),
        ({"result": 5}, "the client's answer can't be read: "),
        ({"result": {"applied": False}}, "the editor did not say why"),
    ],
)
async def test_an_edit_that_the_editor_answers_badly_was_not_applied(
    serve: Any, peers: ModuleType, answer: dict[str, Any], reason: str
) -> None:
    _, _, path = await serve()
    async with opened(peers, path) as peer:
        asked = peer.ask("workspace/executeCommand", command("edit it"))
        edit = await peer.until("workspace/applyEdit")
        peer.send({"jsonrpc": "2.0", "id": edit["id"]} | answer)
        assert "applied" not in (await peer.answer(asked))["result"]
        (shown,) = (each["params"]["message"] for each in peer.heard if each["method"] == "window/showMessage")
        assert shown.startswith(f"AID: not applied: {reason}")
        peer.send({"jsonrpc": "2.0", "id": edit["id"], "result": {"applied": True}})
        assert "result" in await peer.call("aid/status"), "a late second answer harms nothing"


async def test_an_editor_that_goes_while_it_is_asked_stops_the_command(serve: Any, peers: ModuleType) -> None:
    _, _, path = await serve()
    async with opened(peers, path) as peer:
        peer.ask("workspace/executeCommand", command("edit it"))
        await peer.until("workspace/applyEdit")
        (editor,) = editors()
        work = editor.connection.running
        peer.die()
        (ended,), _ = await asyncio.wait(work)
        assert ended.cancelled() and not editor.protocol._request_futures


async def test_no_text_is_logged(serve: Any, peers: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, _, path = await serve()
    async with opened(peers, path, "let secret = bad\n") as peer:
        await peer.call(
            "workspace/executeCommand", {"command": "aid.edit", "arguments": [{"uri": 5, "prompt": "secret"}]}
        )
        await peer.call("workspace/executeCommand", {"command": "secret", "arguments": "secret"})
        change = {"textDocument": {"uri": URI, "version": "secret"}, "contentChanges": [{"text": "secret"}]}
        peer.tell("textDocument/didChange", change)
        await peer.call("aid/status")
        assert caplog.records and not [record for record in caplog.records if "secret" in record.getMessage()]


async def test_an_editor_leaves_nothing_behind(serve: Any, peers: ModuleType) -> None:
    """Nor does each of its changes."""
    _, _, path = await serve()
    async with opened(peers, path) as peer:
        for version in range(2, 50):
            document = {"uri": URI, "version": version}
            peer.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": "bad\n"}]})
        await peer.call("aid/status")
        (editor,) = editors()
        assert editor.documents()[Path("/w/a.ml")].version == 49
        assert not editor.protocol._request_futures and not editor.connection.running
        connection = editor.connection
    await connection.closed.wait()
    del editor, connection
    assert editors() == []


def editors() -> list[Editor]:
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, Editor)]


def test_only_an_editor_makes_the_daemon_import_pygls() -> None:
    code = (
        "import sys, aid.daemon, aid.session.host\n"
        "sys.exit(any(name.partition('.')[0] in ('pygls', 'lsprotocol') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_daemon_warms_its_host(fake_daemon: int, private: Path, peers: ModuleType) -> None:
    async with await peers.Peer.connect(private / "runtime" / "aid" / "aid.sock") as peer:
        assert (await peer.call("aid/stats"))["result"]["warmed"] is True
