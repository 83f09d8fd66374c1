"""LSP through `aid connect`, with pytest-lsp as the editor: an independent client and lsprotocol's own types."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

AID = str(Path(sys.executable).with_name("aid"))
CONVERTER = get_converter()
TEXT = 'let s = "é😋" ^ bad\n\flet t = 1\n'


class Editor:
    """An editor with one workspace and, once opened, one document."""

    def __init__(self, client: LanguageClient, root: Path, peer: Callable[[], Awaitable[Any]]) -> None:
        self.client = client
        self.peer = peer
        self.root = root
        self.path = root / "a.ml"
        self.uri = self.path.as_uri()
        self.version = 0
        self.text = ""
        self.edits: list[types.ApplyWorkspaceEditParams] = []
        self.accepts = True

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            self.edits.append(params)
            why = None if self.accepts else "the document has moved on"
            return types.ApplyWorkspaceEditResult(applied=self.accepts, failure_reason=why)

    async def initialize(self, name: str = "visual-studio-code", **options: Any) -> types.InitializeResult:
        return await self.client.initialize_session(
            types.InitializeParams(
                capabilities=client_capabilities(name),
                workspace_folders=[types.WorkspaceFolder(uri=self.root.as_uri(), name="w")],
                initialization_options=options or None,
            )
        )

    def open(self, text: str) -> None:
        self.version, self.text = 1, text
        item = types.TextDocumentItem(uri=self.uri, language_id="ocaml", version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))

    def change(self, line: int, start: int, end: int, text: str) -> None:
        self.version += 1
        where = types.Range(types.Position(line, start), types.Position(line, end))
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=self.uri, version=self.version),
                content_changes=[types.TextDocumentContentChangePartial(range=where, text=text)],
            )
        )

    async def execute(self, command: str, argument: Any, token: str | None = None) -> Any:
        params = types.ExecuteCommandParams(command=command, arguments=[argument], work_done_token=token)
        return await self.client.workspace_execute_command_async(params)

    async def code_actions(self, found: types.Diagnostic, only: list[str] | None = None) -> list[types.CodeAction]:
        """Read as plain JSON first: lsprotocol takes any object with a `command` for a Command."""
        params = {
            "textDocument": {"uri": self.uri},
            "range": CONVERTER.unstructure(found.range),
            "context": {"diagnostics": [CONVERTER.unstructure(found)]} | ({"only": only} if only else {}),
        }
        async with await self.peer() as peer:
            await peer.call("initialize", {"capabilities": {}, "rootUri": self.root.as_uri()})
            actions = (await peer.call("textDocument/codeAction", params))["result"]
        return [CONVERTER.structure(action, types.CodeAction) for action in actions]

    async def diagnostics(self) -> list[types.Diagnostic]:
        while self.uri not in self.client.diagnostics:
            await self.client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        return list(self.client.diagnostics[self.uri])


@pytest_asyncio.fixture(loop_scope="function")
async def editor(
    fake_daemon: int, environment: dict[str, str], private: Path, peers: ModuleType
) -> AsyncIterator[Editor]:
    root = private / "w"
    root.mkdir()
    (root / "a.ml").write_text(TEXT, "utf-8")
    client = await ClientServerConfig(server_command=[AID, "connect"], server_env=environment).start()
    assert isinstance(client, LanguageClient)
    path = private / "runtime" / "aid" / "aid.sock"
    yield Editor(client, root.resolve(), lambda: peers.Peer.connect(path))
    process = client._server
    assert process is not None and process.stdin is not None
    await client.shutdown_session()
    await client.stop()
    process.stdin.close()  # pygls leaves its end of the pipe to the garbage collector
    await process.stdin.wait_closed()
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["visual-studio-code", "emacs", "neovim"])
async def test_says_what_it_can_do(editor: Editor, name: str) -> None:
    found = await editor.initialize(name)
    capabilities = found.capabilities
    sync = capabilities.text_document_sync
    assert isinstance(sync, types.TextDocumentSyncOptions) and sync.change == types.TextDocumentSyncKind.Incremental
    assert capabilities.execute_command_provider is not None
    commands = " ".join(capabilities.execute_command_provider.commands)
    assert commands == "aid.fix aid.edit aid.accept aid.reject aid.undo aid.redo"
    assert found.server_info is not None and found.server_info.name == "aid"


async def test_publishes_the_builds_errors_in_the_editors_units(editor: Editor) -> None:
    await editor.initialize()
    (found,) = await editor.diagnostics()
    assert found.message == "it is bad"
    assert (found.range.start, found.range.end) == (types.Position(0, 16), types.Position(0, 19))
    assert found.severity == types.DiagnosticSeverity.Error


async def test_unsaved_text_wins_over_the_disk_and_a_save_builds_again(editor: Editor) -> None:
    await editor.initialize()
    await editor.diagnostics()
    editor.open(TEXT)
    editor.change(0, 16, 19, "fine")
    seen = editor.client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    editor.client.text_document_did_save(
        types.DidSaveTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=editor.uri))
    )
    await seen
    assert await editor.diagnostics() == []


async def test_publishes_nothing_when_asked_not_to(editor: Editor) -> None:
    await editor.initialize(diagnostics=False)
    await editor.execute("aid.undo", {})
    assert editor.client.diagnostics == {}


async def test_tells_how_the_build_stands_to_an_editor_that_asks_to_know(editor: Editor) -> None:
    told: list[Any] = []
    green = asyncio.Event()

    @editor.client.feature("aid/buildChanged")
    def changed(params: Any) -> None:
        told.append(params)
        if params.status == "green":
            green.set()

    await editor.initialize(diagnostics=False, build_changed=True)
    editor.open(TEXT)
    await editor.execute("aid.edit", {"uri": editor.uri, "prompt": "edit it"})
    editor.change(0, 16, 19, "good")
    editor.client.text_document_did_save(
        types.DidSaveTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=editor.uri))
    )
    await green.wait()
    shown = [(each.status, getattr(each, "errors", 0), each.badge) for each in told]
    assert {each.workspace for each in told} == {str(editor.root)}
    assert shown[:2] == [("running", 0, "building"), ("red", 1, "red (build): 1 error")]
    assert shown[-2:] == [("running", 0, "building"), ("green", 0, "green (build)")]
    assert editor.client.diagnostics == {}


async def test_an_editor_that_does_not_ask_hears_nothing_that_the_lsp_lacks(
    fake_daemon: int, private: Path, peers: ModuleType
) -> None:
    root = private / "w"
    root.mkdir()
    (root / "a.ml").write_text(TEXT, "utf-8")
    async with await peers.Peer.connect(private / "runtime" / "aid" / "aid.sock") as peer:
        await peer.call("initialize", {"capabilities": {}, "rootUri": root.as_uri()})
        peer.tell("initialized")
        await peer.until("textDocument/publishDiagnostics")
        assert not [each for each in peer.heard if each["method"].startswith("aid/")]


async def test_a_code_action_on_an_error_leads_to_an_edit_of_that_version(editor: Editor) -> None:
    await editor.initialize()
    editor.open(TEXT)
    editor.change(1, 1, 4, "let ")
    (found,) = await editor.diagnostics()
    (action,) = await editor.code_actions(found)
    assert action.command is not None
    assert (action.title, action.kind, action.diagnostics) == ("AID: fix this error", "quickfix", (found,))
    params = types.ExecuteCommandParams(command=action.command.command, arguments=action.command.arguments)
    result = await editor.client.workspace_execute_command_async(params)
    assert result["applied"] == "a1"
    (applied,) = editor.edits
    (change,) = applied.edit.document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert (change.text_document.uri, change.text_document.version) == (editor.uri, 2)
    assert [edit.new_text for edit in change.edits] == ['let s = "é😋" ^ good\n']
    assert (editor.root / "a.ml").read_text("utf-8") == TEXT, "the disk is the editor's to write"


async def test_no_code_action_where_there_is_no_error_or_other_kinds_are_wanted(editor: Editor) -> None:
    await editor.initialize()
    where = types.Range(types.Position(0, 0), types.Position(0, 1))
    warning = types.Diagnostic(range=where, message="hm", severity=types.DiagnosticSeverity.Warning)
    error = types.Diagnostic(range=where, message="oh", severity=types.DiagnosticSeverity.Error)

    assert await editor.code_actions(warning) == []
    assert await editor.code_actions(error, only=["source.organizeImports"]) == []
    assert len(await editor.code_actions(error, only=["quickfix"])) == 1


async def test_an_edit_the_editor_refuses_changes_nothing_and_says_so(editor: Editor) -> None:
    await editor.initialize()
    editor.open(TEXT)
    editor.accepts = False
    result = await editor.execute("aid.edit", {"uri": editor.uri, "prompt": "edit it"})
    assert "applied" not in result
    assert [message.message for message in editor.client.messages] == ["AID: not applied: the document has moved on"]


async def test_a_red_proposal_is_not_applied(editor: Editor) -> None:
    await editor.initialize()
    editor.open(TEXT)
    result = await editor.execute("aid.edit", {"uri": editor.uri, "prompt": "red edit"})
    assert result["proposal"]["verdict"]["status"] == "red"
    assert editor.edits == []
    (message,) = editor.client.messages
    assert message.message == "AID: not applied, it is red (build): a code action in its files offers it"


async def test_progress_is_shown_under_the_clients_token(editor: Editor) -> None:
    await editor.initialize()
    editor.open(TEXT)
    editor.client.progress_reports["mine"] = []
    await editor.execute("aid.edit", {"uri": editor.uri, "prompt": "edit it"}, token="mine")
    told = [(each.kind, each.message) for each in editor.client.progress_reports["mine"]]
    assert told == [("begin", None), ("report", "asking the fake model"), ("end", None)]


async def test_progress_is_created_for_a_client_that_can_show_it(editor: Editor) -> None:
    await editor.initialize()
    editor.open(TEXT)
    await editor.execute("aid.edit", {"uri": editor.uri, "prompt": "edit it"})
    (told,) = editor.client.progress_reports.values()
    assert [each.kind for each in told] == ["begin", "report", "end"]


async def test_cancelling_the_progress_cancels_the_request(editor: Editor) -> None:
    await editor.initialize()
    editor.open(TEXT)
    begun = editor.client.wait_for_notification(types.PROGRESS)
    asked = asyncio.create_task(editor.execute("aid.edit", {"uri": editor.uri, "prompt": "wait for ever"}))
    token = (await begun).token
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token=token))
    with pytest.raises(JsonRpcException) as refused:
        await asked
    assert refused.value.code == -32800


async def test_malformed_commands_are_refused_with_the_place(editor: Editor) -> None:
    await editor.initialize()

    async def refusal(command: str, argument: Any) -> str:
        with pytest.raises(JsonRpcException) as refused:
            await editor.execute(command, argument)
        return f"{refused.value.code} {refused.value.message}"

    assert await refusal("aid.dance", {}) == "-32602 there is no command 'aid.dance'"
    assert await refusal("aid.edit", {"uri": 5}) == "-32602 Expected `str`, got `int` - at `$.uri`"
    assert await refusal("aid.edit", {"uri": editor.uri}) == "-32602 aid.edit needs a `prompt`"
    assert await refusal("aid.fix", {"uri": "untitled:1"}) == "-32602 `uri` is no file: untitled:1"
    assert await refusal("aid.accept", {"id": 5}) == "-32602 Expected `str | null`, got `int` - at `$.id`"


async def test_aid_requests_work_on_the_same_connection(editor: Editor) -> None:
    await editor.initialize()
    found = await editor.client.protocol.send_request_async("aid/status", {})
    assert found.pid > 0


async def test_one_editors_exit_ends_neither_the_daemon_nor_others(
    editor: Editor, private: Path, peers: ModuleType
) -> None:
    await editor.initialize()
    path = private / "runtime" / "aid" / "aid.sock"
    async with await peers.Peer.connect(path) as other:
        assert "result" in await other.call("initialize", {"capabilities": {}})
        assert "error" in await other.call("initialize", {"capabilities": {}})
        assert (await other.call("shutdown"))["result"] is None
        assert (await other.call("textDocument/codeAction"))["error"]["code"] == -32600
        other.tell("exit")
        await other.closed()
    await editor.execute("aid.undo", {})


async def test_documents_sent_in_the_same_breath_as_initialize_are_known(
    fake_daemon: int, private: Path, peers: ModuleType
) -> None:
    """As a bridge does that replays an editor's session."""
    path = private / "runtime" / "aid" / "aid.sock"
    async with await peers.Peer.connect(path) as peer:
        root = private / "w"
        item = {"uri": (root / "a.ml").as_uri(), "languageId": "ocaml", "version": 4, "text": "bad"}
        capabilities = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
        initialize = peer.ask("initialize", {"capabilities": capabilities, "rootUri": root.as_uri()})
        peer.tell("textDocument/didOpen", {"textDocument": item})
        arguments = [{"uri": item["uri"], "prompt": "edit it"}]
        command = peer.ask("workspace/executeCommand", {"command": "aid.edit", "arguments": arguments})
        assert "result" in await peer.answer(initialize)
        edit = await peer.until("workspace/applyEdit")
        (change,) = edit["params"]["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": item["uri"], "version": 4}
        peer.send({"jsonrpc": "2.0", "id": edit["id"], "error": {"code": 1, "message": "not now"}})
        assert "applied" not in (await peer.answer(command))["result"]
        shown = [each["params"]["message"] for each in peer.heard if each["method"] == "window/showMessage"]
        assert shown == ["AID: not applied: the client refused: not now"]


async def test_a_prompt_of_aids_own_shows_progress_when_it_names_a_token(
    fake_daemon: int, private: Path, peers: ModuleType
) -> None:
    path = private / "runtime" / "aid" / "aid.sock"
    async with await peers.Peer.connect(path) as peer:
        await peer.call("initialize", {"capabilities": {}})
        await peer.call("aid/prompt", peers.prompt("update 2", workDoneToken=7))
    told = [(each["method"], each["params"].get("value", {}).get("kind")) for each in peer.heard]
    assert told == [
        ("$/progress", "begin"),
        ("aid/update", None),
        ("$/progress", "report"),
        ("aid/update", None),
        ("$/progress", "end"),
    ]
    assert {each["params"]["token"] for each in peer.heard if each["method"] == "$/progress"} == {7}
