"""`aid acp` as editors see it: the protocol's TypeScript SDK on the other side of its standard input and output."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

Machine = Any
Editor = Any
Start = Callable[[], Awaitable[Editor]]


def edit(path: str, old: str, new: str) -> str:
    return f"{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


SEVEN = edit("calc.txt", "line 7", "line seven")
TWO = f"Both of them.\n\n{SEVEN}\n{edit('notes.txt', 'one', 'two')}"


@pytest.fixture
def workspace(machine: Machine) -> Path:
    """calc.txt and notes.txt, and no build."""
    (machine.root / "notes.txt").write_text("one\n")
    machine.replies({"match": "", "reply": TWO})
    return Path(machine.root)


def outcomes(machine: Machine) -> dict[str, int]:
    return dict(json.loads(machine.run("stats", "--json").stdout)["outcomes"])


def decided(machine: Machine) -> dict[str, int]:
    return dict(json.loads(machine.run("stats", "--json").stdout)["hunks"])


def only(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda call: "allow" if name in call["title"] else "reject"


async def test_a_file_is_written_when_the_person_allows_it_and_left_when_not(
    machine: Machine, workspace: Path, start: Start
) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    editor.decide = only("calc.txt")
    assert await editor.prompt(session, "change both") == "end_turn"
    assert (workspace / "calc.txt").read_text() == "".join(f"line {n}\n" for n in range(1, 21)).replace(
        "7\n", "seven\n", 1
    )
    assert (workspace / "notes.txt").read_text() == "one\n"
    assert editor.ended() == {"calc.txt": "completed", "notes.txt": "failed"}
    assert [call["toolCall"]["content"][0]["type"] for call in editor.permissions] == ["diff", "diff"]
    assert outcomes(machine)["partly"] == 1
    assert decided(machine) == {"proposed": 2, "accepted": 1, "rejected": 1}


async def test_the_diff_of_a_file_is_its_whole_text_before_and_after(workspace: Path, start: Start) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    await editor.prompt(session, "change both")
    found = {Path(call["content"][0]["path"]).name: call["content"][0] for call in editor.of("tool_call")}
    assert (found["notes.txt"]["oldText"], found["notes.txt"]["newText"]) == ("one\n", "two\n")
    assert editor.of("tool_call")[0]["locations"][0]["line"] == 7
    assert (workspace / "notes.txt").read_text() == "two\n"


async def test_what_is_rejected_altogether_counts_as_rejected(machine: Machine, workspace: Path, start: Start) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    editor.decide = lambda call: "reject"
    assert await editor.prompt(session, "change both") == "end_turn"
    assert outcomes(machine)["rejected"] == 1
    assert (workspace / "notes.txt").read_text() == "one\n"


async def test_what_was_decided_elsewhere_meanwhile_does_not_end_the_turn(
    machine: Machine, workspace: Path, start: Start
) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]

    def decide(call: dict[str, Any]) -> str:
        if "calc.txt" in call["title"]:
            proposal, _, _ = call["toolCallId"].partition(":")
            assert machine.run("accept", proposal).returncode == 0
        return "reject"

    editor.decide = decide
    assert await editor.prompt(session, "change both") == "end_turn"
    assert editor.ended() == {"calc.txt": "failed", "notes.txt": "failed"}
    assert outcomes(machine)["accepted"] == 1


async def test_the_answer_is_streamed_with_its_thoughts_and_a_plan(
    machine: Machine, workspace: Path, start: Start
) -> None:
    machine.replies({"match": "", "pieces": [{"reasoning": "Hm. "}, {"text": "Both "}, {"text": "of them.\n"}]})
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    assert await editor.prompt(session, "change both") == "end_turn"
    assert editor.said().startswith("Both of them.")
    assert "Nothing proposed: the answer has no edits" in editor.said()
    assert "Hm. " in editor.said("agent_thought_chunk")
    plans = [[step["status"] for step in plan["entries"]] for plan in editor.of("plan")]
    assert plans[0] == ["in_progress", "pending", "pending", "pending"]
    assert plans[-1] == ["completed"] * 4


async def test_a_prompt_is_cancelled_in_mid_answer(machine: Machine, workspace: Path, start: Start) -> None:
    machine.replies({"match": "", "pieces": [{"text": "Begun with"}, {"wait": "for ever"}]})
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    asking = editor.request("session/prompt", sessionId=session, prompt=[{"type": "text", "text": "change both"}])
    task = asyncio.ensure_future(asking)
    await editor.until("agent_message_chunk")
    editor.notify("session/cancel", sessionId=session)
    assert (await task)["stopReason"] == "cancelled"
    machine.replies({"match": "", "reply": TWO})
    errors: dict[str, int] = {}
    while not errors:  # the editor is answered at once; the daemon writes its work down when that has ended
        errors = json.loads(machine.run("stats", "--json").stdout)["errors"]
    assert errors == {"CancelledError": 1}


async def test_an_answer_under_way_outlives_a_restart_of_the_daemon(
    machine: Machine, workspace: Path, start: Start
) -> None:
    machine.replies({"match": "", "pieces": [{"text": "Begun with"}, {"wait": "for ever"}]})
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    task = asyncio.ensure_future(editor.prompt(session, "change both"))
    await editor.until("agent_message_chunk")
    machine.replies({"match": "", "reply": TWO})
    restarted = await asyncio.to_thread(machine.run, "restart")
    assert restarted.returncode == 0
    assert await task == "end_turn"
    assert editor.said().startswith("Begun with\n\nThe daemon was started anew, and asks again.\n\nBoth of them.\n")
    assert (workspace / "notes.txt").read_text() == "two\n"


async def test_a_turn_cancelled_at_the_question_leaves_the_proposal_open(
    machine: Machine, workspace: Path, start: Start
) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    editor.decide = lambda call: None
    assert await editor.prompt(session, "change both") == "cancelled"
    assert set(editor.ended().values()) == {"failed"}
    assert (workspace / "notes.txt").read_text() == "one\n"
    proposal = editor.of("tool_call")[0]["toolCallId"].partition(":")[0]
    assert machine.run("accept", proposal).returncode == 0


async def test_a_turn_cancelled_while_the_question_stands_ends_its_tool_calls(workspace: Path, start: Start) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]

    def cancels(call: dict[str, Any]) -> str:
        editor.notify("session/cancel", sessionId=session)
        return "wait"

    editor.decide = cancels
    assert await editor.prompt(session, "change both") == "cancelled"
    assert editor.ended() == {"calc.txt": "failed", "notes.txt": "failed"}
    assert (workspace / "notes.txt").read_text() == "one\n"


async def test_unsaved_text_is_what_a_proposal_stands_on(machine: Machine, workspace: Path, start: Start) -> None:
    """The editor knows the workspace by a symbolic link, and its files by no other name."""
    root = machine.home / "link"
    root.symlink_to(workspace)
    typed = (root / "calc.txt").read_text().replace("line 20", "typed, not saved")
    machine.replies({"match": "typed, not saved", "reply": SEVEN})
    editor = await start()
    session = (await editor.open(root, read=True, write=True))["sessionId"]
    editor.buffers[str(root / "calc.txt")] = typed
    link = {"type": "resource_link", "name": "calc.txt", "uri": (root / "calc.txt").as_uri()}
    assert await editor.prompt(session, "change line 7 of ", link) == "end_turn"
    shown = editor.of("tool_call")[0]["content"][0]
    assert (shown["oldText"], shown["newText"]) == (typed, typed.replace("line 7\n", "line seven\n"))
    assert shown["path"] == str(root / "calc.txt")
    assert editor.written == {"calc.txt": typed.replace("line 7\n", "line seven\n")}
    assert outcomes(machine)["accepted"] == 1
    listed = (await editor.request("session/list", cwd=str(root)))["sessions"]
    assert [(each["sessionId"], each["cwd"]) for each in listed] == [(session, str(root))]


async def test_unsaved_text_that_nobody_mentioned_stays_too(machine: Machine, workspace: Path, start: Start) -> None:
    """The daemon asked the model about the text on disk; the change is moved onto what the editor shows."""
    typed = (workspace / "calc.txt").read_text().replace("line 20", "typed, not saved")
    machine.replies({"match": "", "reply": SEVEN})
    editor = await start()
    session = (await editor.open(workspace, read=True, write=True))["sessionId"]
    editor.buffers[str(workspace / "calc.txt")] = typed
    assert await editor.prompt(session, "change line 7") == "end_turn"
    assert editor.of("tool_call")[0]["content"][0]["newText"] == typed.replace("line 7\n", "line seven\n")
    assert editor.written == {"calc.txt": typed.replace("line 7\n", "line seven\n")}
    assert "calc.txt has unsaved changes that the build has not seen" in editor.said("agent_thought_chunk")


async def test_the_disk_is_not_written_under_text_that_is_not_saved(
    machine: Machine, workspace: Path, start: Start
) -> None:
    """An editor that offers to be read, but not written."""
    machine.replies({"match": "", "reply": SEVEN})
    before = (workspace / "calc.txt").read_text()
    editor = await start()
    session = (await editor.open(workspace, read=True))["sessionId"]
    editor.buffers[str(workspace / "calc.txt")] = before.replace("line 20", "typed")
    assert await editor.prompt(session, "change line 7") == "end_turn"
    told = editor.of("tool_call_update")[-1]
    assert told["status"] == "failed" and "has unsaved changes in an editor" in json.dumps(told)
    assert (workspace / "calc.txt").read_text() == before


async def test_text_that_came_with_the_prompt_counts_as_what_the_editor_shows(
    machine: Machine, workspace: Path, start: Start
) -> None:
    """An editor that offers no files at all; it embeds the mentioned one, and saves it only later."""
    typed = (workspace / "calc.txt").read_text().replace("line 20", "typed, not saved")
    machine.replies({"match": "typed, not saved", "reply": SEVEN})
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    embedded = {"type": "resource", "resource": {"uri": (workspace / "calc.txt").as_uri(), "text": typed}}
    assert await editor.prompt(session, "change line 7 of ", embedded) == "end_turn"
    told = editor.of("tool_call_update")[-1]
    assert told["status"] == "failed" and "has unsaved changes in an editor" in json.dumps(told)

    def saves_first(call: dict[str, Any]) -> str:
        (workspace / "calc.txt").write_text(typed)
        return "allow"

    editor.decide = saves_first
    assert await editor.prompt(session, "change line 7 of ", embedded) == "end_turn"
    assert (workspace / "calc.txt").read_text() == typed.replace("line 7\n", "line seven\n")


async def test_lines_typed_over_while_the_question_stands_are_not_lost(
    machine: Machine, workspace: Path, start: Start
) -> None:
    machine.replies({"match": "", "reply": SEVEN})
    editor = await start()
    session = (await editor.open(workspace, read=True, write=True))["sessionId"]

    def types_first(call: dict[str, Any]) -> str:
        editor.buffers[str(workspace / "calc.txt")] = (workspace / "calc.txt").read_text().replace("line 7", "mine")
        return "allow"

    editor.decide = types_first
    assert await editor.prompt(session, "change line 7") == "end_turn"
    told = editor.of("tool_call_update")[-1]
    assert told["status"] == "failed" and "edited since (line 7)" in json.dumps(told)
    assert editor.written == {}


async def test_a_change_of_lines_that_are_typed_over_already_is_not_asked_about(
    machine: Machine, workspace: Path, start: Start
) -> None:
    """Nor does it count as rejected: nobody said no."""
    machine.replies({"match": "", "reply": SEVEN})
    editor = await start()
    session = (await editor.open(workspace, read=True, write=True))["sessionId"]
    editor.buffers[str(workspace / "calc.txt")] = (workspace / "calc.txt").read_text().replace("line 7", "mine")
    assert await editor.prompt(session, "change line 7") == "end_turn"
    assert "edited since (line 7)" in json.dumps(editor.of("tool_call"))
    assert editor.ended() == {"calc.txt": "failed"} and not editor.permissions
    assert outcomes(machine)["rejected"] == 0


async def test_undo_takes_back_what_the_editor_wrote_and_what_the_daemon_wrote(
    machine: Machine, workspace: Path, start: Start
) -> None:
    created = f"{SEVEN}\nnew.txt\n<<<<<<< SEARCH\n=======\nhello\n>>>>>>> REPLACE\n"
    machine.replies({"match": "", "reply": created})
    before = (workspace / "calc.txt").read_text()
    editor = await start()
    session = (await editor.open(workspace, read=True, write=True))["sessionId"]
    await editor.prompt(session, "change line 7")
    assert (workspace / "new.txt").read_text() == "hello\n"
    await editor.request("session/load", sessionId=session, cwd=str(workspace), mcpServers=[])
    editor.buffers[str(workspace / "calc.txt")] = editor.written["calc.txt"] + "typed later\n"
    await editor.prompt(session, "/undo")
    assert not (workspace / "new.txt").exists()
    assert editor.written["calc.txt"] == before + "typed later\n"
    assert outcomes(machine)["undone"] == 1 and decided(machine) == {"proposed": 2, "accepted": 0, "rejected": 0}


async def test_undo_takes_back_one_answer_whole_and_then_the_one_before_it(
    machine: Machine, workspace: Path, start: Start
) -> None:
    again = f"{edit('calc.txt', 'line 9', 'line IX')}\n{edit('notes.txt', 'two', '2')}"
    machine.replies({"match": "change both again", "reply": again}, {"match": "", "reply": TWO})
    calc, notes = (workspace / "calc.txt").read_text(), (workspace / "notes.txt").read_text()
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    await editor.prompt(session, "change both")
    changed = (workspace / "calc.txt").read_text()
    await editor.prompt(session, "change both again")
    assert (workspace / "notes.txt").read_text() == "2\n"
    await editor.prompt(session, "/undo")
    assert ((workspace / "calc.txt").read_text(), (workspace / "notes.txt").read_text()) == (changed, "two\n")
    await editor.prompt(session, "/undo")
    assert ((workspace / "calc.txt").read_text(), (workspace / "notes.txt").read_text()) == (calc, notes)
    assert outcomes(machine)["undone"] == 2


async def test_the_part_of_an_answer_that_undo_leaves_is_named_and_taken_back_later(
    machine: Machine, workspace: Path, start: Start, editors: Any
) -> None:
    before = (workspace / "calc.txt").read_text()
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    await editor.prompt(session, "change both")
    (workspace / "notes.txt").write_text("mine\n")
    await editor.prompt(session, "/undo")
    assert ((workspace / "calc.txt").read_text(), (workspace / "notes.txt").read_text()) == (before, "mine\n")
    told = editor.said().splitlines()[-1]
    assert told.startswith("Undone p") and ": calc.txt; notes.txt stays: " in told
    with pytest.raises(editors.RefusedError, match=r"^notes\.txt stays: [^\n]*$"):
        await editor.prompt(session, "/undo")
    (workspace / "notes.txt").write_text("two\n")
    await editor.prompt(session, "/undo")
    assert (workspace / "notes.txt").read_text() == "one\n"


async def test_what_was_taken_back_elsewhere_does_not_keep_undo_from_the_rest(
    machine: Machine, workspace: Path, start: Start
) -> None:
    before = (workspace / "calc.txt").read_text()
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    await editor.prompt(session, "change both")
    assert machine.run("undo").returncode == 0
    assert (workspace / "notes.txt").read_text() == "one\n"
    await editor.prompt(session, "/undo")
    assert (workspace / "calc.txt").read_text() == before
    assert "is undone already" in editor.said()


async def test_a_whole_answer_is_taken_back_by_an_agent_started_later(
    machine: Machine, workspace: Path, start: Start
) -> None:
    before = (workspace / "calc.txt").read_text()
    editor = await start()
    await editor.prompt((await editor.open(workspace, read=True, write=True))["sessionId"], "change both")
    assert (workspace / "notes.txt").read_text() == "two\n"
    other = await start()
    session = (await other.open(workspace, read=True, write=True))["sessionId"]
    await other.prompt(session, "/undo")
    assert ((workspace / "calc.txt").read_text(), (workspace / "notes.txt").read_text()) == (before, "one\n")


async def test_what_the_editor_wrote_is_taken_back_by_an_agent_started_later(
    machine: Machine, workspace: Path, start: Start
) -> None:
    machine.replies({"match": "", "reply": SEVEN})
    before = (workspace / "calc.txt").read_text()
    editor = await start()
    await editor.prompt((await editor.open(workspace, read=True, write=True))["sessionId"], "change line 7")
    assert editor.written["calc.txt"] == before.replace("line 7", "line seven")
    other = await start()
    await other.prompt((await other.open(workspace, read=True, write=True))["sessionId"], "/undo")
    assert (workspace / "calc.txt").read_text() == before
    assert outcomes(machine)["undone"] == 1


async def test_modes_and_models_are_options_of_a_session(machine: Machine, workspace: Path, start: Start) -> None:
    editor = await start()
    opened = await editor.open(workspace)
    session = opened["sessionId"]
    options = {each["id"]: each for each in opened["configOptions"]}
    assert options["mode"]["currentValue"] == "ask" == opened["modes"]["currentModeId"]
    assert options["model"]["currentValue"] == "replay"
    answer = await editor.request("session/set_config_option", sessionId=session, configId="mode", value="show")
    assert answer["configOptions"][0]["currentValue"] == "show"
    assert await editor.prompt(session, "change both") == "end_turn"
    assert not editor.permissions and (workspace / "notes.txt").read_text() == "one\n"
    await editor.prompt(session, "/model hints")
    assert {each["id"]: each["currentValue"] for each in editor.of("config_option_update")[-1]["configOptions"]} == {
        "mode": "show",
        "model": "hints",
    }
    assert {each["name"] for each in editor.of("available_commands_update")[0]["availableCommands"]} == {
        *("fix", "undo", "model", "status")
    }


async def test_sessions_are_listed_and_loaded_after_the_daemon_was_restarted(
    machine: Machine, workspace: Path, start: Start
) -> None:
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    editor.decide = only("calc.txt")
    await editor.prompt(session, "change both")
    assert machine.run("restart").returncode == 0
    assert await editor.prompt(session, "/status") == "end_turn"  # the same editor goes on
    later = await start()
    await later.request("initialize", protocolVersion=1, clientCapabilities={})
    listed = (await later.request("session/list", cwd=str(workspace)))["sessions"]
    assert [(each["sessionId"], each["title"]) for each in listed] == [(session, "change both")]
    await later.request("session/load", sessionId=session, cwd=str(workspace), mcpServers=[])
    assert later.said("user_message_chunk") == "change both"
    assert later.said().startswith("Both of them.\n\n")
    assert "(partly)" in later.of("tool_call")[0]["title"]
    await later.request("session/delete", sessionId=session)
    assert (await later.request("session/list", cwd=str(workspace)))["sessions"] == []


async def test_a_session_that_can_not_be_loaded_anew_goes_on_as_it_was(
    machine: Machine, workspace: Path, start: Start, editors: Any
) -> None:
    machine.replies({"match": "", "pieces": [{"text": "Begun with"}, {"wait": "for ever"}]})
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]

    async def refused(method: str, cwd: Path) -> str:
        with pytest.raises(editors.RefusedError) as caught:
            await editor.request(method, sessionId=session, cwd=str(cwd), mcpServers=[])
        return str(caught.value)

    under_way = asyncio.ensure_future(editor.prompt(session, "change both"))
    await editor.until("agent_message_chunk")
    assert "there is no session" in await refused("session/load", workspace)
    for method in ("session/load", "session/resume"):
        assert "is not the absolute path of a directory" in await refused(method, workspace / "none")
    assert not under_way.done()
    editor.notify("session/cancel", sessionId=session)
    assert await under_way == "cancelled"
    assert await editor.prompt(session, "/status") == "end_turn"


async def test_a_green_change_is_written_without_a_question_where_the_person_says_so(
    machine: Machine, workspace: Path, start: Start
) -> None:
    with (machine.home / "config" / "aid" / "aid.toml").open("a") as settings:
        settings.write('[build]\nadapter = "command"\ncommand = ["grep", "-q", "two", "notes.txt"]\n')
    editor = await start()
    session = (await editor.open(workspace))["sessionId"]
    await editor.request("session/set_mode", sessionId=session, modeId="green")
    assert await editor.prompt(session, "change both") == "end_turn"
    assert not editor.permissions and (workspace / "notes.txt").read_text() == "two\n"
    assert "green" in editor.said()


async def test_green_of_other_text_than_the_editors_is_no_reason_not_to_ask(
    machine: Machine, workspace: Path, start: Start
) -> None:
    with (machine.home / "config" / "aid" / "aid.toml").open("a") as settings:
        settings.write('[build]\nadapter = "command"\ncommand = ["grep", "-q", "two", "notes.txt"]\n')
    editor = await start()
    session = (await editor.open(workspace, read=True, write=True))["sessionId"]
    await editor.request("session/set_mode", sessionId=session, modeId="green")
    editor.buffers[str(workspace / "calc.txt")] = (workspace / "calc.txt").read_text().replace("line 20", "typed")
    assert await editor.prompt(session, "change both") == "end_turn"
    assert [call["toolCall"]["title"] for call in editor.permissions] == ["Edit calc.txt (+1 −1)"]


@pytest.mark.ocaml
@pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune")
async def test_a_red_build_is_mended_file_by_file(machine: Machine, start: Start) -> None:
    """Real dune, two modules, one of them with unsaved text that the build has to see."""
    root = Path(machine.root)
    (root / "dune-project").write_text("(lang dune 2.9)\n")
    (root / "dune").write_text("(executable (name main))\n")
    (root / "shelf.ml").write_text('let count = "three"\nlet name = "shelf"\n')
    (root / "main.ml").write_text("let () = print_int (Shelf.count + 1)\n")
    with (machine.home / "config" / "aid" / "aid.toml").open("a") as settings:
        settings.write("[verify]\nhints = false\n")
    typed = "(* typed *)\n" + (root / "main.ml").read_text()
    three = edit("shelf.ml", 'let count = "three"', "let count = 3")
    two = edit("main.ml", "let () = print_int (Shelf.count + 1)", "let () = print_int (Shelf.count + 2)")
    machine.replies({"match": "(* typed *)", "reply": f"A number.\n\n{three}\n{two}"})
    editor = await start()
    session = (await editor.open(root, read=True, write=True))["sessionId"]
    editor.buffers[str(root / "main.ml")] = typed
    assert await editor.prompt(session, "/fix main.ml:2") == "end_turn"
    assert editor.said().startswith("A number.") and "green (dune test), 1 error fixed" in editor.said()
    assert [call["toolCall"]["title"] for call in editor.permissions] == [
        "Edit shelf.ml (+1 −1)",
        "Edit main.ml (+1 −1)",
    ]
    assert editor.written == {
        "shelf.ml": 'let count = 3\nlet name = "shelf"\n',
        "main.ml": typed.replace("+ 1", "+ 2"),
    }
    await editor.prompt(session, "/status")
    assert "build: green" in editor.said()
    assert outcomes(machine)["accepted"] == 1


async def test_a_daemon_that_cannot_start_is_told_in_one_line(
    machine: Machine, workspace: Path, start: Start, editors: Any
) -> None:
    (machine.home / "config" / "aid" / "aid.toml").write_text("default_model = \n")
    editor = await start()
    with pytest.raises(editors.RefusedError, match=r"^[^\n]*aid\.toml[^\n]*$"):
        await editor.open(workspace)


async def test_bad_requests_are_answered_by_what_is_wrong(workspace: Path, start: Start, editors: Any) -> None:
    editor = await start()

    async def refused(method: str, **params: Any) -> tuple[int, str]:
        with pytest.raises(editors.RefusedError) as caught:
            await editor.request(method, **params)
        return caught.value.code, str(caught.value)

    assert await refused("session/new", cwd="/", mcpServers=[]) == (-32600, "send 'initialize' first")
    session = (await editor.open(workspace))["sessionId"]
    code, told = await refused("session/new", cwd="somewhere", mcpServers=[])
    assert code == -32602 and "is not the absolute path of a directory" in told
    code, told = await refused("session/prompt", sessionId="acp-none", prompt=[])
    assert code == -32002 and "there is no session 'acp-none'" in told
    code, told = await refused("session/prompt", sessionId=session, prompt=[])
    assert code == -32602 and "the prompt is empty" in told
    code, told = await refused("session/prompt", sessionId=session, prompt=[{"type": "text", "text": "/fix nowhere"}])
    assert code == -32602 and "nowhere is no file of this workspace" in told
    code, told = await refused("session/load", sessionId="acp-none", cwd=str(workspace), mcpServers=[])
    assert code == -32602 and "there is no session 'acp-none'" in told
    code, told = await refused("session/set_config_option", sessionId=session, configId="mode", value="fast")
    assert code == -32602 and "mode can't be 'fast'" in told
    assert (await refused("providers/list"))[0] == -32601


def test_lines_that_are_no_messages_are_answered_by_errors(machine: Machine, aid: Path) -> None:
    lines = [
        *("{", "[]", '{"jsonrpc":"2.0"}', '{"id":7,"method":"initialize"}', ""),
        r'{"jsonrpc":"2.0","id":"q","method":"initialize","params":{"x":"\q"}}',
        '{"jsonrpc":"2.0","id":8,"method":"initialize","params":{"protocolVersion":"one"}}',
        r'{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":1,"x":"half: \ud83d"}}',
    ]
    ran = subprocess.run(
        [aid, "acp"],
        input="\n".join(lines),
        env=machine.env,
        cwd=machine.root,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(each["id"], each.get("error", {}).get("code")) for each in answers] == [
        *((None, -32700), (None, -32600), (None, -32600), (7, -32600), ("q", -32700), (8, -32602), (9, None))
    ]
    assert answers[-1]["result"]["protocolVersion"] == 1
    assert ran.stderr == ""


def test_a_person_who_starts_it_is_told_that_an_editor_does(machine: Machine, aid: Path) -> None:
    ours, theirs = os.openpty()
    try:
        ran = subprocess.run([aid, "acp"], stdin=theirs, env=machine.env, capture_output=True, text=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert ran.returncode == 2
    assert ran.stderr.startswith("aid: an editor starts this") and ran.stderr.count("\n") == 1


def test_the_process_ends_with_the_editor_and_without_a_word(machine: Machine, aid: Path) -> None:
    ran = subprocess.run([aid, "acp"], input="", env=machine.env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
