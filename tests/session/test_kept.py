"""What is kept for the next daemon: proposals with what was accepted of them, and chats."""

import stat
from pathlib import Path
from typing import Any

import pytest

from aid.errors import UsageError
from aid.protocol import (
    AcceptParams,
    ChatParams,
    ChatsParams,
    ChatTurn,
    Hunk,
    ProposalParams,
    ProposalsParams,
    RejectParams,
    UndoParams,
)
from aid.session.chats import KEPT_TURNS, REMEMBERED_TURNS, Chats
from aid.session.store import Store

Scene = Any

DAY_S = 86400.0
SEVEN = "I change it.\n\ncalc.txt\n<<<<<<< SEARCH\nline 7\n=======\nline seven\n>>>>>>> REPLACE\n"
EIGHTEEN = "calc.txt\n<<<<<<< SEARCH\nline 18\n=======\nline eighteen\n>>>>>>> REPLACE\n"


async def waiting(scene: Scene) -> list[Any]:
    return list((await scene.host.proposals(ProposalsParams(workspace=str(scene.root)), scene.editor)).proposals)


async def chat(scene: Scene, name: str) -> list[Any]:
    return list((await scene.host.chat(ChatParams(workspace=str(scene.root), chat=name), scene.editor)).turns)


async def chats(scene: Scene) -> list[tuple[str, str, int, float]]:
    found = await scene.host.chats(ChatsParams(workspace=str(scene.root)), scene.editor)
    return [(each.chat, each.title, each.turns, each.at) for each in found.chats]


async def test_a_proposal_shows_its_hunks_so_that_nobody_need_read_the_diff(scene: Scene) -> None:
    new = "new.txt\n<<<<<<< SEARCH\n=======\na\nb\n>>>>>>> REPLACE\n"
    scene.replies(SEVEN + EIGHTEEN + new)
    proposal = (await scene.ask()).proposal
    shown = [
        (file.path, hunk.index, hunk.header, hunk.old_first, hunk.old_lines, hunk.new_first, hunk.new_lines)
        for file in proposal.files
        for hunk in file.hunks
    ]
    assert shown == [
        ("calc.txt", 0, "@@ -4,7 +4,7 @@", 4, 7, 4, 7),
        ("calc.txt", 1, "@@ -15,6 +15,6 @@", 15, 6, 15, 6),
        ("new.txt", 0, "@@ -0,0 +1,2 @@", 1, 0, 1, 2),
    ]
    first = proposal.files[0].hunks[0]
    assert first.text == " line 4\n line 5\n line 6\n-line 7\n+line seven\n line 8\n line 9\n line 10\n"
    told = f"no build was recognised in {scene.root}: set [build] adapter or command in aid.toml, then run 'aid trust'"
    assert proposal.badge == f"unchecked: {told}"
    assert proposal.at == scene.now


async def test_what_was_accepted_of_a_proposal_is_still_accepted_after_a_restart(scene: Scene) -> None:
    scene.replies(SEVEN + EIGHTEEN)
    proposal = (await scene.ask()).proposal
    await scene.host.accept(AcceptParams(id=proposal.id, hunks=(Hunk(path="calc.txt", index=1),)), scene.editor)
    await scene.restart()
    (found,) = await waiting(scene)
    assert (found.id, found.state) == (proposal.id, "partly")
    assert [hunk.accepted for hunk in found.files[0].hunks] == [False, True]
    await scene.host.accept(AcceptParams(id=proposal.id), scene.editor)
    assert "line seven\n" in scene.text and "line eighteen\n" in scene.text
    await scene.restart()
    assert await waiting(scene) == []
    done = await scene.host.proposal(ProposalParams(id=proposal.id), scene.editor)
    assert (done.state, [hunk.accepted for hunk in done.files[0].hunks]) == ("accepted", [True, True])


async def test_what_is_undone_shows_and_may_be_accepted_again(scene: Scene) -> None:
    scene.replies(SEVEN + EIGHTEEN)
    proposal = (await scene.ask()).proposal
    workspace = str(scene.root)

    async def shown() -> tuple[str, list[bool]]:
        await scene.restart()
        found = await scene.host.proposal(ProposalParams(id=proposal.id), scene.editor)
        return found.state, [hunk.accepted for hunk in found.files[0].hunks]

    await scene.host.accept(AcceptParams(id=proposal.id, hunks=(Hunk(path="calc.txt", index=1),)), scene.editor)
    await scene.host.accept(AcceptParams(id=proposal.id), scene.editor)
    assert await shown() == ("accepted", [True, True])
    first = await scene.host.undo(UndoParams(workspace=workspace), scene.editor)
    assert await shown() == ("partly", [False, True])
    await scene.host.undo(UndoParams(workspace=workspace), scene.editor)
    assert await shown() == ("undone", [False, False]) and await waiting(scene) == []
    await scene.host.redo(UndoParams(workspace=workspace, id=first.applied), scene.editor)
    assert await shown() == ("partly", [True, False]) and "line seven\n" in scene.text
    await scene.host.accept(AcceptParams(id=proposal.id), scene.editor)
    assert await shown() == ("accepted", [True, True]) and "line eighteen\n" in scene.text


async def test_a_proposal_is_rebased_or_refused_when_the_workspace_changed_while_no_daemon_ran(scene: Scene) -> None:
    scene.replies(SEVEN, SEVEN)
    first, second = (await scene.ask()).proposal, (await scene.ask()).proposal
    await scene.restart()
    (scene.root / "calc.txt").write_text("new first\n" + scene.text)
    assert [each.id for each in await waiting(scene)] == [second.id, first.id]
    assert (await scene.host.accept(AcceptParams(id=first.id), scene.editor)).applied == first.id
    assert scene.text.startswith("new first\n") and "line seven\n" in scene.text
    (scene.root / "calc.txt").write_text(scene.text.replace("line seven", "mine"))
    refused = (await scene.host.accept(AcceptParams(id=second.id), scene.editor)).refused
    assert [each.path for each in refused] == ["calc.txt"] and "mine\n" in scene.text


async def test_a_chat_comes_back_and_the_model_is_told_of_it(scene: Scene) -> None:
    scene.replies({"match": "first question", "reply": "first answer"})
    await scene.ask("first question\nwith a detail", chat="c")
    scene.now += 5
    await scene.restart()
    scene.replies({"match": "first answer", "reply": SEVEN})
    result = await scene.ask("second", chat="c", files=[{"path": "calc.txt", "first": 7}])
    assert result.proposal is not None, "the reply is played only where the first answer stands in the prompt"
    await scene.restart()
    asked, again = await chat(scene, "c")
    assert (asked.prompt, asked.text) == ("first question\nwith a detail", "first answer")
    assert (asked.proposal, asked.reason) == (None, "the answer has no edits")
    assert (again.text, again.proposal, again.attached) == (SEVEN, result.proposal.id, ("calc.txt:7",))
    assert (again.request, again.model, again.at) == (result.id, "replay", scene.now)
    assert await chats(scene) == [("c", "first question", 2, scene.now)]
    assert await chat(scene, "never") == []


async def test_a_chat_that_is_forgotten_leaves_no_word_on_the_disk(scene: Scene) -> None:
    scene.replies({"match": "", "reply": "a marmalade answer"}, {"match": "", "reply": "a marmalade answer"})
    await scene.ask("the marmalade question", chat="c")
    await scene.ask("of another", chat="d")
    folder = scene.home / "state" / "aid"
    files = [path for path in folder.iterdir() if path.name.startswith("sessions.db")]
    assert any(b"marmalade question" in path.read_bytes() for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    await scene.host.forget_chat(ChatParams(workspace=str(scene.root), chat="c"), scene.editor)
    assert not any(b"marmalade question" in path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert [name for name, *_ in await chats(scene)] == ["d"]


async def test_only_so_many_are_kept_and_only_so_long(scene: Scene) -> None:
    scene.configure("[sessions]\nproposals = 2\nchats = 2\nkeep_days = 10\n[verify]\ncandidates = 1\n")
    scene.replies(*[SEVEN] * 4)
    ids = []
    for number in range(4):
        scene.now = 1000.0 + number * 4 * DAY_S
        ids.append((await scene.ask(chat=f"c{number}")).proposal.id)
    assert [each.id for each in await waiting(scene)] == [ids[3], ids[2]]
    assert [name for name, *_ in await chats(scene)] == ["c3", "c2"]
    with pytest.raises(UsageError, match="is not kept"):
        await scene.host.accept(AcceptParams(id=ids[0]), scene.editor)
    scene.now = 1000.0 + 19 * DAY_S
    await scene.restart()
    await scene.host.warm()
    assert [each.id for each in await waiting(scene)] == [ids[3]]
    assert [name for name, *_ in await chats(scene)] == ["c3"]


def test_a_chat_keeps_its_last_turns(tmp_path: Path) -> None:
    kept = Chats(Store(tmp_path / "s.db"))
    for number in range(KEPT_TURNS + 2):
        for name in ("c", "d")[: 1 + (number == 0)]:
            kept.remember(tmp_path, name, ChatTurn(request="r", at=float(number), prompt=str(number), text="t"))
    turns = kept.turns(tmp_path, "c")
    assert (len(turns), turns[0].prompt, turns[-1].prompt) == (KEPT_TURNS, "2", str(KEPT_TURNS + 1))
    assert [each.prompt for each in kept.turns(tmp_path, "d")] == ["0"]
    assert [message.content for message in kept.history(tmp_path, "c")[-2:]] == [str(KEPT_TURNS + 1), "t"]
    assert len(kept.history(tmp_path, "c")) == 2 * REMEMBERED_TURNS


async def test_a_database_that_can_not_be_used_costs_no_answer(scene: Scene) -> None:
    (scene.home / "state" / "aid").mkdir(parents=True)
    (scene.home / "state" / "aid" / "sessions.db").write_text("not a database, but sixteen bytes and more")
    scene.replies(SEVEN)
    result = await scene.ask()
    assert result.proposal is not None
    said = [update.text for update in scene.editor.updates if update.kind == "status"]
    assert said == [
        "the proposal can't be kept for later: can't use "
        f"{scene.home}/state/aid/sessions.db (file is not a database): move it away to begin anew"
    ]


async def test_a_rejected_proposal_waits_no_more(scene: Scene) -> None:
    scene.replies(SEVEN)
    proposal = (await scene.ask()).proposal
    await scene.host.reject(RejectParams(id=proposal.id), scene.editor)
    assert await waiting(scene) == []


async def test_everyone_is_told_where_files_were_changed(scene: Scene) -> None:
    scene.replies(SEVEN)
    other = type(scene.editor)()
    scene.host.joined(other)
    await scene.host.accept(AcceptParams(id=(await scene.ask()).proposal.id), scene.editor)
    assert other.changed_roots == scene.editor.changed_roots == [scene.root]
    scene.host.left(other)


async def test_a_fix_asks_the_build_and_needs_no_words(scene: Scene) -> None:
    scene.configure(build=True)
    (scene.root / "calc.txt").write_text(scene.text.replace("line 7", "broken 7"))
    scene.replies({"match": "Fix the build error at calc.txt:7", "reply": SEVEN.replace("line 7", "broken 7")})
    result = await scene.ask("", fix={"path": "calc.txt", "first": 6, "last": 8})
    assert result.prompt.startswith("Fix the build error at calc.txt:7: ")
    assert (result.proposal.badge, result.proposal.verdict.status) == ("green (command build), 1 error fixed", "green")
    (scene.root / "other.txt").write_text("fine\n")
    with pytest.raises(UsageError, match=r"the build names no error in other.txt"):
        await scene.ask("", fix={"path": "other.txt"})


async def test_an_edit_outside_the_lines_is_sent_back_and_never_proposed(scene: Scene) -> None:
    scene.replies(SEVEN, EIGHTEEN)
    result = await scene.ask("spell it", edit={"path": "calc.txt", "first": 18, "last": 18})
    assert result.candidates[0].attempts == 2
    assert [hunk.header for hunk in result.proposal.files[0].hunks] == ["@@ -15,6 +15,6 @@"]
    scene.replies(SEVEN, SEVEN, SEVEN)
    await scene.restart()
    refused = await scene.ask("spell it", edit={"path": "calc.txt", "first": 18, "last": 18})
    told = "calc.txt: the edit reaches line 7, only line 18 of calc.txt may change"
    assert (refused.proposal, refused.reason) == (None, told)


async def test_attached_text_is_shown_to_the_model(scene: Scene) -> None:
    scene.replies({"match": "# the log\nit failed at noon", "reply": SEVEN})
    result = await scene.ask("why?", attachments=[{"title": "the log", "text": "it failed at noon\n"}])
    assert result.proposal is not None
    assert [use.items for use in result.sources if use.source == "attached"] == [("the log",)]
