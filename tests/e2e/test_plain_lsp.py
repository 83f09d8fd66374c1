"""Editors that nobody wrote a plugin for: with `aid connect` as a language server and nothing else, build errors are
shown, mended by code action, edits asked for, taken and undone. The real daemon and dune; a played model."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

HERE = Path(__file__).parent
pytestmark = [pytest.mark.ocaml, pytest.mark.skipif(shutil.which("dune") is None, reason="dune is not there")]

WRONG = "let double price = { cents = price.cent * 2 }"
RIGHT = "let double price = { cents = price.cents * 2 }"
RED = 'let double price = { cents = price.cents * "3" }'


def reply(old: str, new: str, path: str = "lib/price.ml") -> str:
    return f"{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


def _scene_module() -> Any:
    """The neighbouring scene.py: tests are no package."""
    spec = spec_from_file_location("plain_lsp_scene", HERE / "scene.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCENE = _scene_module()


@pytest.fixture
def shop() -> Iterator[Any]:
    """A workspace whose build is red in lib/price.ml."""
    with SCENE.scene() as made:
        price = made.root / "lib" / "price.ml"
        price.write_text(price.read_text().replace(RIGHT, WRONG))
        yield made


class Editor:
    """One document, kept as an editor keeps it: its text changes only by the edits that it is asked to make."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.path = root / "lib" / "price.ml"
        self.uri = self.path.as_uri()
        self.version = 1
        self.text = self.path.read_text()
        self.edits: list[types.TextDocumentEdit] = []

        def either(plain: Any, _: Any) -> types.Command | types.CodeAction:
            kind = types.Command if isinstance(plain.get("command"), str) else types.CodeAction
            return client.protocol._converter.structure(plain, kind)

        # lsprotocol takes any object with a `command` for a Command
        client.protocol._converter.register_structure_hook(types.Command | types.CodeAction, either)

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            for change in params.edit.document_changes or ():
                assert isinstance(change, types.TextDocumentEdit)
                asked_of = (change.text_document.uri, change.text_document.version)
                assert asked_of == (self.uri, self.version), "an edit of this text and no other"
                self.edits.append(change)
                self._change(change.edits)
            return types.ApplyWorkspaceEditResult(applied=True)

    async def open(self, *, shown: bool = True) -> None:
        await self.client.initialize_session(
            types.InitializeParams(
                capabilities=client_capabilities("visual-studio-code"),
                workspace_folders=[types.WorkspaceFolder(uri=self.root.as_uri(), name="w")],
            )
        )
        item = types.TextDocumentItem(uri=self.uri, language_id="ocaml", version=1, text=self.text)
        if shown:
            self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))

    def save(self) -> None:
        self.path.write_text(self.text)
        document = types.TextDocumentIdentifier(uri=self.uri)
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(text_document=document))

    async def diagnostics(self, count: int) -> list[types.Diagnostic]:
        while len(self.client.diagnostics.get(self.uri, [None] * 100)) != count:
            await self.client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        return list(self.client.diagnostics[self.uri])

    async def actions(self, *found: types.Diagnostic) -> dict[str, Any]:
        """The code actions at the place, by title, as plain values."""
        where = found[0].range if found else types.Range(types.Position(0, 0), types.Position(0, 0))
        document = types.TextDocumentIdentifier(uri=self.uri)
        params = types.CodeActionParams(document, where, types.CodeActionContext(diagnostics=list(found)))
        actions = await self.client.text_document_code_action_async(params)
        return {action.title: getattr(action, "command", action) for action in actions or ()}

    async def execute(self, command: str, *arguments: Any) -> Any:
        params = types.ExecuteCommandParams(command=command, arguments=list(arguments))
        return await self.client.workspace_execute_command_async(params)

    def _change(self, edits: Any) -> None:
        lines = self.text.splitlines(keepends=True)
        for edit in sorted(edits, key=lambda edit: edit.range.start.line, reverse=True):
            assert (edit.range.start.character, edit.range.end.character) == (0, 0), "whole lines"
            lines[edit.range.start.line : edit.range.end.line] = [edit.new_text]
        self.text = "".join(lines)
        self.version += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=self.uri, version=self.version),
                content_changes=[types.TextDocumentContentChangeWholeDocument(text=self.text)],
            )
        )


@pytest_asyncio.fixture(loop_scope="function")
async def editor(shop: Any) -> AsyncIterator[Editor]:
    client = await ClientServerConfig(server_command=[str(SCENE.AID), "connect"], server_env=shop.env).start()
    assert isinstance(client, LanguageClient)
    yield Editor(client, shop.root.resolve())
    process = client._server
    assert process is not None and process.stdin is not None
    await client.shutdown_session()
    await client.stop()
    process.stdin.close()
    await process.stdin.wait_closed()


async def test_an_error_is_shown_mended_in_the_buffer_and_gone_after_saving(shop: Any, editor: Editor) -> None:
    shop.replies({"match": "Fix the build error at lib/price.ml:5", "reply": reply(WRONG, RIGHT)})
    await editor.open()
    (found,) = await editor.diagnostics(1)
    assert found.range.start.line == 4 and "cent" in found.message
    action = (await editor.actions(found))["AID: fix this error"]
    result = await editor.execute(action.command, *action.arguments)
    assert result["proposal"]["badge"] == "green (dune test), 1 error fixed"
    assert editor.text.endswith(RIGHT + "\n") and WRONG in editor.path.read_text()
    (told,) = editor.client.progress_reports.values()
    assert (told[0].kind, told[-1].kind) == ("begin", "end")
    assert "played: green (dune test), 1 error fixed" in [getattr(each, "message", None) for each in told]
    editor.save()
    assert await editor.diagnostics(0) == []


async def test_what_is_red_is_offered_and_taken_or_dropped_by_code_action(shop: Any, editor: Editor) -> None:
    editor.path.write_text(editor.path.read_text().replace(WRONG, RIGHT))
    editor.text = editor.path.read_text()
    shop.replies(*({"match": "three times", "reply": f"{said}\n{reply(RIGHT, RED)}"} for said in ("Three.", "Thrice.")))
    await editor.open()
    edit = {"uri": editor.uri, "range": _lines(4), "prompt": "make it three times"}
    red = (await editor.execute("aid.edit", edit))["proposal"]
    again = (await editor.execute("aid.edit", edit))["proposal"]
    badge = "red (dune typecheck): 1 new error"
    assert [red["badge"], again["badge"]] == [badge] * 2 and editor.edits == []
    told = [each.message for each in editor.client.messages if "its daemon" not in each.message]  # on a busy machine
    assert told == [f"AID: not applied, it is {badge}: a code action in its files offers it"] * 2
    offered = await editor.actions()
    assert list(offered) == [
        f"AID: {verb} {said} ({badge})" for said in ("Thrice.", "Three.") for verb in ("apply", "drop")
    ]
    drop = offered[f"AID: drop Thrice. ({badge})"]
    assert drop.arguments == ({"id": again["id"]},)
    await editor.execute(drop.command, *drop.arguments)
    take = (await editor.actions())[f"AID: apply Three. ({badge})"]
    assert take.arguments == ({"id": red["id"]},)
    await editor.execute(take.command, *take.arguments)
    assert editor.text.endswith(RED + "\n") and await editor.actions() == {}


async def test_files_that_are_not_open_are_written_and_undone(shop: Any, editor: Editor) -> None:
    editor.path.write_text(editor.path.read_text().replace(WRONG, RIGHT))
    editor.text = editor.path.read_text()
    basket = shop.text("lib/basket.ml")
    shop.replies({"match": "", "reply": SCENE.RENAME})
    await editor.open()
    result = await editor.execute("aid.edit", {"uri": editor.uri, "prompt": "call it amount", "apply": False})
    done = await editor.execute("aid.accept", {"id": result["proposal"]["id"]})
    assert done["in_editor"] == ["lib/price.ml"] and "price.amount * 2" in editor.text
    assert "Price.amount" in shop.text("lib/basket.ml")
    await editor.execute("aid.undo", {})
    assert shop.text("lib/basket.ml") == basket


async def test_what_the_command_line_applies_is_seen_in_the_editor(shop: Any, editor: Editor) -> None:
    shop.replies({"match": "", "reply": reply(WRONG, RIGHT)})
    await editor.open(shown=False)
    await editor.diagnostics(1)
    ran = await asyncio.to_thread(shop.aid, "ask", "mend the build", "lib/price.ml", "--apply")
    assert ran.returncode == 0, ran.stderr
    assert await editor.diagnostics(0) == []


async def test_lines_outside_the_range_are_not_touched(shop: Any, editor: Editor) -> None:
    shop.replies(*[{"match": "", "reply": reply("type t = { cents : int }", "type t = { cent : int }")}] * 3)
    await editor.open()
    edit = {"uri": editor.uri, "range": _lines(4), "prompt": "make it right"}
    result = await editor.execute("aid.edit", edit)
    assert "proposal" not in result and editor.edits == []
    assert result["reason"] == "lib/price.ml: the edit reaches line 1, only line 5 of lib/price.ml may change"


def _lines(line: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": 0}, "end": {"line": line, "character": 3}}


def neovim() -> str:
    found = shutil.which("nvim")
    if found is None:
        asked = [str(HERE.parents[1] / "scripts" / "editors"), "--find", "nvim"]
        found = shutil.which(
            "nvim", path=subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        )
    if found is None:
        pytest.skip("nvim is not there: run scripts/editors nvim")
    return found


async def test_neovim_without_a_plugin(shop: Any) -> None:
    shop.replies(
        {"match": "Fix the build error at lib/price.ml:5", "reply": reply(WRONG, RIGHT)},
        {"match": "three times", "reply": reply(RIGHT, RED)},
    )
    words = [neovim(), "--clean", "-l", str(HERE / "plain_neovim.lua")]
    ran = await asyncio.create_subprocess_exec(
        *words, cwd=shop.root, env=shop.env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await ran.communicate()
    assert ran.returncode == 0, (out + err).decode()
    seen = json.loads(out)
    before = shop.text("lib/price.ml").replace(RIGHT, WRONG)
    assert seen["diagnostic"]["line"] == 5 and "cent" in seen["diagnostic"]["message"]
    assert seen["actions"] == ["AID: fix this error"]
    assert seen["fixed"] == before.replace(WRONG, RIGHT)
    assert (seen["on_disk_before_saving"], seen["undone_in_one_step"]) == (before, before)
    assert {"begin", "report", "end"} <= set(seen["progress"])
    badge = "red (dune typecheck): 1 new error"
    assert seen["verdict"] == badge
    assert seen["messages"] == [f"AID: not applied, it is {badge}: a code action in its files offers it"]
    assert seen["offered"] == [f"AID: apply a proposal ({badge})", f"AID: drop a proposal ({badge})"]
    assert seen["taken"] == before.replace(WRONG, RED)
    assert seen["undo"].startswith("nothing")
