"""The host, end to end without a wire: recorded replies, a real build, real files."""

import asyncio
import re
import subprocess
from typing import Any

import pytest

from aid.errors import UsageError
from aid.protocol import (
    AcceptParams,
    FileRef,
    Hunk,
    LogParams,
    ModelsParams,
    ProposalParams,
    RejectParams,
    SetModelParams,
    StatsParams,
    UndoParams,
)
from aid.session.client import OpenDocument

Scene = Any


def block(old: str, new: str, path: str = "calc.txt") -> str:
    return f"I change it.\n\n{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


SEVEN = block("line 7", "line seven")
NOWHERE = block("line seventy", "line 70")


async def test_a_reply_becomes_a_proposal_and_the_disk_is_left_alone(scene: Scene) -> None:
    scene.replies(SEVEN)
    result = await scene.ask()
    proposal = result.proposal
    assert "@@ -4,7 +4,7 @@\n line 4\n line 5\n line 6\n-line 7\n+line seven\n line 8\n" in proposal.diff
    assert (proposal.summary, proposal.verdict.status) == ("I change it.", "unchecked")
    assert [(file.path, file.status, file.added, file.removed) for file in proposal.files] == [
        ("calc.txt", "modified", 1, 1)
    ]
    assert "line 7\n" in scene.text


async def test_the_answer_streams_before_it_is_judged(scene: Scene) -> None:
    scene.replies({"reply": SEVEN, "chunk_chars": 10})
    await scene.ask(token="t1")
    kinds = [update.kind for update in scene.editor.updates]
    assert "".join(update.text for update in scene.editor.updates if update.kind == "text") == SEVEN
    assert kinds[0] == "sources" and kinds[-1] == "candidate"
    assert {update.token for update in scene.editor.updates} == {"t1"}


async def test_apply_writes_where_there_is_no_build_and_undo_takes_it_back(scene: Scene) -> None:
    scene.replies(SEVEN)
    result = await scene.ask(apply=True)
    assert "line seven\n" in scene.text
    undone = await scene.host.undo(UndoParams(workspace=str(scene.root)), scene.editor)
    assert undone.applied == result.applied
    assert "line 7\n" in scene.text
    log = await scene.host.log(LogParams(workspace=str(scene.root)), scene.editor)
    assert [(entry.id, entry.state) for entry in log.entries] == [(result.applied, "undone")]


async def test_green_is_what_the_build_says_and_sampling_stops_there(scene: Scene) -> None:
    scene.configure("[verify]\ncandidates = 3\n", build=True)
    (scene.root / "calc.txt").write_text(scene.text.replace("line 7", "broken 7"))
    scene.replies(block("broken 7", "broken 77"), block("broken 7", "line 7"), block("broken 7", "broken 777"))
    result = await scene.ask(apply=True)
    statuses = [candidate.verdict.status for candidate in result.candidates]
    assert "green" in statuses and set(statuses) <= {"red", "green"}  # one judged at the same moment may follow
    verdict = result.proposal.verdict
    assert (verdict.status, verdict.adapter, verdict.fixed) == ("green", "command", 1)
    assert "broken" not in scene.text


async def test_the_first_request_has_the_diff_where_it_waits_for_the_build(scene: Scene) -> None:
    build = '[build]\nadapter = "command"\ncommand = ["sleep", "600"]\n'
    scene.configure(f"{build}[verify]\ncandidates = 1\nbudget_s = 2\n")
    subprocess.run(["git", "init", "-q"], cwd=scene.root, check=True)
    subprocess.run(["git", "add", "calc.txt"], cwd=scene.root, check=True)
    scene.replies(SEVEN)
    result = await scene.ask("fix the error in line 7")
    assert [use.items for use in result.sources if use.source == "diff"] == [("uncommitted changes",)]


async def test_red_is_shown_with_its_new_errors_only_and_not_applied(scene: Scene) -> None:
    scene.configure("[verify]\ncandidates = 1\n", build=True)
    (scene.root / "calc.txt").write_text(scene.text.replace("line 7", "broken 7"))
    scene.replies(block("line 9", "broken 9"))
    result = await scene.ask(apply=True)
    verdict = result.proposal.verdict
    assert (verdict.status, len(verdict.diagnostics), verdict.remaining) == ("red", 1, 1)
    assert result.applied is None and "broken 9" not in scene.text
    assert (
        result.reason
        == f"not applied: the build is red: 1 new error; 'aid accept {result.proposal.id}' applies it all the same"
    )
    accepted = await scene.host.accept(AcceptParams(id=result.proposal.id), scene.editor)
    assert accepted.applied and "broken 9" in scene.text


async def test_a_refused_edit_goes_back_to_the_model_and_what_was_placed_is_kept(scene: Scene) -> None:
    scene.replies(SEVEN + NOWHERE, block("line 17", "line 70"))
    result = await scene.ask(apply=True)
    assert result.candidates[0].attempts == 2
    assert "line seven\n" in scene.text and "line 70\n" in scene.text


async def test_refusals_are_sent_back_twice_at_most(scene: Scene) -> None:
    scene.replies(NOWHERE, NOWHERE, NOWHERE, SEVEN)
    result = await scene.ask()
    assert result.proposal is None
    assert (result.candidates[0].status, result.candidates[0].attempts) == ("rejected", 3)
    assert "calc.txt" in result.reason


async def test_an_edit_that_changes_nothing_is_no_proposal(scene: Scene) -> None:
    scene.replies(*[block("line 7", "line 7")] * 3)
    result = await scene.ask()
    assert result.proposal is None
    assert result.candidates[0].status == "no-op"


async def test_an_edit_that_changes_nothing_is_asked_for_again(scene: Scene) -> None:
    scene.configure("[verify]\ncandidates = 3\n")
    scene.replies(block("line 7", "line 7"), SEVEN, block("line 7", "never asked"))
    result = await scene.ask(apply=True)
    assert [candidate.status for candidate in result.candidates] == ["no-op", "placed"]
    assert "line seven\n" in scene.text


async def test_an_answer_without_edits_is_said_to_be_one(scene: Scene) -> None:
    scene.replies("You could rename it.")
    result = await scene.ask()
    assert (result.proposal, result.text, result.reason) == (None, "You could rename it.", "the answer has no edits")


async def test_a_failing_model_is_a_reason_not_a_crash(scene: Scene) -> None:
    scene.replies({"status": 500, "body": "down"})
    result = await scene.ask()
    assert result.proposal is None and result.candidates[0].status == "failed"
    assert "replay" in result.reason


async def test_unsaved_text_wins_over_the_disk(scene: Scene) -> None:
    path = scene.root / "calc.txt"
    scene.editor.open[path] = OpenDocument(path=path, text=scene.text.replace("line 7", "typed"), version=3)
    scene.replies(block("typed", "line seven"))
    result = await scene.ask(files=[{"path": "calc.txt"}])
    assert "-typed\n+line seven" in result.proposal.diff


async def test_accept_through_the_editor_edits_its_document_and_leaves_the_disk(scene: Scene) -> None:
    path = scene.root / "calc.txt"
    scene.editor.open[path] = OpenDocument(path=path, text=scene.text, version=3)
    scene.replies(SEVEN)
    result = await scene.ask()
    done = await scene.host.accept(AcceptParams(id=result.proposal.id, through_editor=True), scene.editor)
    assert (done.applied, done.in_editor) == (result.proposal.id, ("calc.txt",))
    assert b"line seven\n" in scene.editor.edited[0].after
    assert "line 7\n" in scene.text


async def test_what_survives_of_an_editors_edit_is_looked_for_in_its_unsaved_text(scene: Scene) -> None:
    (scene.root / "other.txt").write_text("a\nb\nc\n")
    path = scene.root / "calc.txt"
    scene.replies(block("line 7", "row a\nrow b"), block("b", "B", "other.txt"))
    first, second = await scene.ask(), await scene.ask()
    scene.editor.open[path] = OpenDocument(path=path, text=scene.text, version=3)
    await scene.host.accept(AcceptParams(id=first.proposal.id, through_editor=True), scene.editor)
    scene.editor.open[path] = OpenDocument(path=path, text=scene.text.replace("line 7", "row a"), version=5)
    scene.now += 31.0
    await scene.host.accept(AcceptParams(id=second.proposal.id), scene.editor)  # what is new wakes the watch
    async with asyncio.timeout(20):
        while not (survival := (await scene.host.stats(StatsParams(), scene.editor))["survival"]):
            pass
    assert survival == {"30": {"n": 1, "median": 0.5, "mean": 0.5}}


@pytest.mark.parametrize("through_editor", [False, True])
async def test_the_disk_is_not_written_under_another_editors_unsaved_text(scene: Scene, through_editor: bool) -> None:
    path = scene.root / "calc.txt"
    other = type(scene.editor)()
    scene.host.joined(other)
    scene.replies(SEVEN, SEVEN)
    result = await scene.ask()
    other.open[path] = OpenDocument(path=path, text=scene.text.replace("line 20", "typed"), version=2)
    params = AcceptParams(id=result.proposal.id, through_editor=through_editor)
    told = "calc.txt has unsaved changes in an editor: save it, or accept there"
    done = await scene.host.accept(params, scene.editor)
    assert (done.applied, [each.reason for each in done.refused]) == (None, [told])
    asked = await scene.ask(apply=True)
    assert (asked.applied, asked.reason) == (None, f"not applied: {told}")
    assert "line 7\n" in scene.text
    other.open[path] = OpenDocument(path=path, text=scene.text, version=3)
    assert (await scene.host.accept(params, scene.editor)).applied
    scene.host.left(other)


async def test_when_the_editor_refuses_the_disk_is_taken_back_too(scene: Scene) -> None:
    (scene.root / "other.txt").write_text("a\nb\nc\n")
    path = scene.root / "calc.txt"
    scene.editor.open[path] = OpenDocument(path=path, text=scene.text, version=3)
    scene.replies(SEVEN + block("b", "B", "other.txt"))
    result = await scene.ask()
    scene.editor.refusal = "the document changed"
    done = await scene.host.accept(AcceptParams(id=result.proposal.id, through_editor=True), scene.editor)
    assert [each.reason for each in done.refused] == ["the document changed"]
    assert (scene.root / "other.txt").read_text() == "a\nb\nc\n"


async def test_one_hunk_can_be_accepted_and_then_the_rest(scene: Scene) -> None:
    scene.replies(SEVEN + block("line 18", "line eighteen"))
    result = await scene.ask()
    first = AcceptParams(id=result.proposal.id, hunks=(Hunk(path="calc.txt", index=1),))
    await scene.host.accept(first, scene.editor)
    assert "line 7\n" in scene.text and "line eighteen\n" in scene.text
    shown = await scene.host.proposal(ProposalParams(id=result.proposal.id), scene.editor)
    assert shown.state == "partly"
    await scene.host.accept(AcceptParams(id=result.proposal.id), scene.editor)
    assert "line seven\n" in scene.text and "line eighteen\n" in scene.text


async def test_a_file_changed_elsewhere_is_still_applied_and_one_changed_there_is_refused(scene: Scene) -> None:
    scene.replies(SEVEN)
    result = await scene.ask()
    (scene.root / "calc.txt").write_text("new first\n" + scene.text.replace("line 20", "line twenty"))
    done = await scene.host.accept(AcceptParams(id=result.proposal.id), scene.editor)
    assert done.applied and "new first\n" in scene.text and "line seven\n" in scene.text

    scene.replies(SEVEN)
    await scene.host.undo(UndoParams(workspace=str(scene.root)), scene.editor)
    await scene.restart()
    again = await scene.ask()
    (scene.root / "calc.txt").write_text(scene.text.replace("line 7\n", "mine\n"))
    refused = await scene.host.accept(AcceptParams(id=again.proposal.id), scene.editor)
    assert refused.applied is None and refused.refused[0].path == "calc.txt"
    assert "mine\n" in scene.text


async def test_a_proposal_survives_a_restart(scene: Scene) -> None:
    scene.replies(SEVEN)
    result = await scene.ask()
    await scene.restart()
    done = await scene.host.accept(AcceptParams(id=result.proposal.id), scene.editor)
    assert done.applied and "line seven\n" in scene.text


async def test_what_was_rejected_can_not_be_accepted(scene: Scene) -> None:
    scene.replies(SEVEN)
    result = await scene.ask()
    await scene.host.reject(RejectParams(id=result.proposal.id), scene.editor)
    with pytest.raises(UsageError, match="is rejected already"):
        await scene.host.accept(AcceptParams(id=result.proposal.id), scene.editor)
    with pytest.raises(UsageError, match="not kept"):
        await scene.host.reject(RejectParams(id="p00000000"), scene.editor)
    with pytest.raises(UsageError, match="no proposal's id"):
        await scene.host.reject(RejectParams(id="../../etc/passwd"), scene.editor)


async def test_cancelling_ends_the_request_and_not_the_others(scene: Scene) -> None:
    scene.replies(
        {"match": "wait", "pieces": [{"text": "I think"}, {"wait": "never"}]}, {"match": "line 7", "reply": SEVEN}
    )
    waiting = asyncio.create_task(scene.ask("wait for me"))
    await scene.editor.streaming.wait()
    other = asyncio.create_task(scene.ask("change line 7"))
    waiting.cancel()
    assert (await other).proposal is not None
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await scene.host.status()).running == 0


async def test_a_chat_sends_its_earlier_turns(scene: Scene) -> None:
    scene.replies({"match": "and line 8", "marker": "(change line \\d) please", "reply": "you said {marker}"}, SEVEN)
    await scene.ask("change line 7 please", chat="c")
    assert (await scene.ask("and line 8", chat="c")).text == "you said change line 7"


async def test_the_model_is_chosen_at_run_time(scene: Scene) -> None:
    scene.replies(SEVEN)
    root = str(scene.root)
    await scene.host.set_model(SetModelParams(model="hints", workspace=root), scene.editor)
    models = await scene.host.models(ModelsParams(workspace=root), scene.editor)
    assert [entry.name for entry in models.models if entry.default] == ["hints"]
    assert (await scene.ask(model="replay")).model == "replay"
    with pytest.raises(UsageError, match="there is no model 'gpt'"):
        await scene.ask(model="gpt")


async def test_what_happened_is_counted(scene: Scene) -> None:
    scene.replies(SEVEN, "no edits here")
    await scene.ask(apply=True)
    await scene.ask()
    stats = await scene.host.stats(StatsParams(), scene.editor)
    assert stats["requests"] == 2


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"status": 500, "body": "down"}, "ServerError 500"),
        ({"status": 401, "body": "who?"}, "ServerError 401"),
        ({"pieces": [{"text": "I cha"}, {"drop": True}]}, "ServerError"),
        ({"pieces": [{"text": "I cha"}, {"wait": "never"}]}, "ModelError timeout"),
    ],
)
async def test_a_failing_server_is_counted_as_that_and_not_as_a_malformed_reply(
    scene: Scene, failure: dict[str, object], kind: str
) -> None:
    scene.configure(timeout_s=0.05)
    scene.replies(failure, SEVEN)
    await scene.ask()
    await scene.ask()
    stats = await scene.host.stats(StatsParams(), scene.editor)
    assert (stats["requests"], stats["errors"]) == (2, {kind: 1})
    assert (stats["rates"]["well_formed"], stats["rates"]["applied_cleanly"]) == (1.0, 1.0)


async def test_a_server_that_fails_when_asked_again_leaves_its_reply_unjudged(scene: Scene) -> None:
    scene.replies(NOWHERE, {"status": 500, "body": "down"})
    result = await scene.ask()
    assert result.candidates[0].status == "rejected"
    stats = await scene.host.stats(StatsParams(), scene.editor)
    assert (stats["rates"]["well_formed"], stats["rates"]["applied_cleanly"]) == (1.0, None)
    assert stats["errors"] == {"ServerError 500": 1}


async def test_tokens_are_those_of_all_candidates(scene: Scene) -> None:
    scene.configure("[verify]\ncandidates = 3\n", build=True)
    counts = {"prompt_tokens": 100, "cached_tokens": 10, "completion_tokens": 7}
    scene.replies(*({"reply": block(f"line {n}", f"broken {n}")} | counts for n in (7, 8, 9)))
    result = await scene.ask()
    assert len(result.candidates) == 3
    stats = await scene.host.stats(StatsParams(), scene.editor)
    assert {name: stats["tokens"][name] for name in ("prompt", "cached", "completion")} == {
        "prompt": 300, "cached": 30, "completion": 21,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"prompt": "  "}, "the prompt is empty"),
        ({"workspace": "relative"}, "not an absolute path"),
        ({"workspace": "/no/such/dir"}, "not a directory"),
    ],
)
async def test_what_can_not_be_asked(scene: Scene, fields: dict[str, str], told: str) -> None:
    scene.replies(SEVEN)
    with pytest.raises(UsageError, match=told):
        await scene.ask(**fields)


async def test_named_lines_are_shown(scene: Scene) -> None:
    scene.replies({"match": "line 12", "reply": SEVEN})
    result = await scene.ask(files=[FileRef(path="calc.txt", first=11, last=13)])
    assert result.proposal is not None


@pytest.mark.parametrize("named", ["calc.txt", "./calc.txt", "{root}/calc.txt"])
async def test_a_named_file_is_shown_however_it_is_named(scene: Scene, named: str) -> None:
    scene.replies({"match": "line 12", "reply": SEVEN})
    result = await scene.ask(files=[FileRef(path=named.format(root=scene.root))])
    assert result.proposal is not None
    assert [update.text for update in scene.editor.updates if update.kind == "status"] == []


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("{root}/new.txt", "new.txt is not there yet: nothing of it is shown"),
        ("{root}/../elsewhere.txt", "{root}/../elsewhere.txt is not shown: it is outside the workspace"),
        ("{root}/calc.txt", "calc.txt has 20 lines: line 30 is past its end"),
    ],
)
async def test_a_named_file_that_can_not_be_shown_is_said_to_be(scene: Scene, named: str, told: str) -> None:
    scene.replies(SEVEN)
    await scene.ask(files=[FileRef(path=named.format(root=scene.root), first=30, last=31)])
    said = [update.text for update in scene.editor.updates if update.kind == "status"]
    assert said == [told.format(root=scene.root)]


async def test_a_selection_that_ends_past_the_end_is_said_to_and_a_place_counts_as_named(scene: Scene) -> None:
    scene.replies(*[SEVEN] * 4)
    for fields in (
        {"files": [FileRef(path="calc.txt", first=7, last=500)]},
        {"files": [FileRef(path="calc.txt", last=500)]},
        {"edit": FileRef(path="calc.txt", first=7, last=500)},
        {"fix": FileRef(path="calc.txt", first=500)},
    ):
        scene.editor.updates.clear()
        await scene.ask(**fields)
        said = [update.text for update in scene.editor.updates if update.kind == "status"]
        assert said[:1] == ["calc.txt has 20 lines: line 500 is past its end"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"files": [FileRef(path="calc.txt", first=0)]}, "calc.txt:0: lines count from 1"),
        ({"edit": FileRef(path="../a.txt", first=2)}, "../a.txt is no file of this workspace: name another"),
        ({"edit": FileRef(path="calc.txt", first=30, last=31)}, "calc.txt has 20 lines: line 30 is past its end"),
        ({"fix": FileRef(path="../a.txt")}, "../a.txt is no file of this workspace: name another"),
        ({"fix": FileRef(path="none.txt", first=2)}, "none.txt is no file of this workspace: name another"),
    ],
)
async def test_a_place_that_can_not_be_meant_is_refused(scene: Scene, fields: dict[str, Any], told: str) -> None:
    scene.replies(SEVEN)
    with pytest.raises(UsageError, match=f"^{re.escape(told)}$"):
        await scene.ask(**fields)


async def test_a_symlink_is_refused_with_the_reason_and_never_written_through(scene: Scene) -> None:
    outside = scene.home / "outside.txt"
    outside.write_text("line 7\n")
    (scene.root / "link.txt").symlink_to(outside)
    scene.replies(*[block("line 7", "line seven", "link.txt")] * 3)
    result = await scene.ask(apply=True)
    assert result.proposal is None and "link.txt is a symbolic link" in result.reason
    assert outside.read_text() == "line 7\n"


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hosts", ".git/config", "a/../../b"])
async def test_paths_outside_the_workspace_are_refused(scene: Scene, path: str) -> None:
    scene.replies(*[block("", "new", path)] * 3)
    result = await scene.ask(apply=True)
    assert (result.proposal, result.candidates[0].status) == (None, "rejected")
    assert sorted(entry.name for entry in scene.root.iterdir()) == ["calc.txt"]


async def test_an_open_document_that_may_not_be_edited_is_passed_over(scene: Scene) -> None:
    (scene.root / ".git").mkdir()
    message = scene.root / ".git" / "COMMIT_EDITMSG"
    message.write_text("old")
    scene.editor.open[message] = OpenDocument(path=message, text="new", version=1)
    scene.replies(SEVEN)
    assert (await scene.ask()).proposal is not None


async def test_a_build_that_can_not_be_asked_is_said_to_be(scene: Scene) -> None:
    scene.configure('[build]\nadapter = "none"\n')
    scene.replies(SEVEN)
    result = await scene.ask("fix the error in line 7")
    said = [update.text for update in scene.editor.updates if update.kind == "status"]
    assert said == ['the build did not say: unchecked, [build] adapter = "none" in aid.toml']
    assert result.proposal.verdict.status == "unchecked"
