"""Decisions that come at once: each counts, one after the other; who waits for an editor holds up nothing else."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aid import apply
from aid.protocol import AcceptParams, Hunk, Proposal, ProposalParams, RejectParams, UndoParams
from aid.session.client import OpenDocument
from ces.change import FileChange

Scene = Any
TWO = """calc.txt
<<<<<<< SEARCH
line 3
=======
line three
>>>>>>> REPLACE
<<<<<<< SEARCH
line 17
=======
line seventeen
>>>>>>> REPLACE
"""
FIRST, SECOND = Hunk(path="calc.txt", index=0), Hunk(path="calc.txt", index=1)


async def proposed(scene: Scene) -> Proposal:
    scene.replies(TWO, TWO)
    result = await scene.ask()
    proposal: Proposal = result.proposal
    return proposal


async def told(scene: Scene, proposal: Proposal) -> str:
    found = await scene.host.proposal(ProposalParams(id=proposal.id), scene.editor)
    hunks = found.files[0].hunks
    return f"{found.state} {''.join('a' if h.accepted else 'r' if h.rejected else '.' for h in hunks)}"


async def test_two_hunks_accepted_at_once_are_both_known_to_be(scene: Scene) -> None:
    proposal = await proposed(scene)
    accepted = [AcceptParams(id=proposal.id, hunks=(hunk,)) for hunk in (FIRST, SECOND)]
    await asyncio.gather(*(scene.host.accept(each, scene.editor) for each in accepted))
    assert "line three\n" in scene.text and "line seventeen\n" in scene.text
    assert await told(scene, proposal) == "accepted aa"


async def test_a_hunk_turned_down_while_another_is_accepted_stays_turned_down(scene: Scene) -> None:
    proposal = await proposed(scene)
    await asyncio.gather(
        scene.host.accept(AcceptParams(id=proposal.id, hunks=(FIRST,)), scene.editor),
        scene.host.reject(RejectParams(id=proposal.id, hunks=(SECOND,)), scene.editor),
    )
    assert await told(scene, proposal) == "partly ar"


@pytest.mark.parametrize("job", ["apply", "undo", "redo"])
async def test_who_gives_up_waiting_while_files_are_written_finds_that_recorded(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    proposal = await proposed(scene)
    undo = UndoParams(workspace=str(scene.root))
    asked = {
        "apply": lambda: scene.host.accept(AcceptParams(id=proposal.id), scene.editor),
        "undo": lambda: scene.host.undo(undo, scene.editor),
        "redo": lambda: scene.host.redo(undo, scene.editor),
    }
    for before, decide in asked.items():
        if before == job:
            break
        await decide()
    begun, going_on, really = asyncio.Event(), threading.Event(), getattr(apply, job)
    loop = asyncio.get_running_loop()

    def slowly(*words: Any, **named: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        assert going_on.wait(30)
        return really(*words, **named)

    monkeypatch.setattr(apply, job, slowly)
    deciding = asyncio.create_task(asked[job]())
    await begun.wait()
    deciding.cancel()
    loop.call_later(0.01, going_on.set)
    with pytest.raises(asyncio.CancelledError):
        await deciding
    assert ("line three\n" in scene.text) == (job != "undo")
    assert await told(scene, proposal) == ("undone .." if job == "undo" else "accepted aa")


async def test_two_undos_at_once_take_back_two_acceptances(scene: Scene) -> None:
    proposal = await proposed(scene)
    for hunk in (FIRST, SECOND):
        await scene.host.accept(AcceptParams(id=proposal.id, hunks=(hunk,)), scene.editor)
    undo = UndoParams(workspace=str(scene.root), proposal=proposal.id)
    await asyncio.gather(*(scene.host.undo(undo, scene.editor) for _ in range(2)))
    assert "line 3\n" in scene.text and "line 17\n" in scene.text
    assert await told(scene, proposal) == "undone .."


@pytest.mark.parametrize("ended", ["answered", "cancelled"])
async def test_an_editor_that_is_long_in_answering_holds_up_decisions_alone(scene: Scene, ended: str) -> None:
    proposal = await proposed(scene)
    path, asked, answer = scene.root / "calc.txt", asyncio.Event(), asyncio.Event()
    scene.editor.open[path] = OpenDocument(path=path, text=scene.text, version=1)

    async def apply_edit(root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        asked.set()
        await answer.wait()
        return None

    scene.editor.apply_edit = apply_edit
    params = AcceptParams(id=proposal.id, hunks=(FIRST,), through_editor=True)
    accepting = asyncio.create_task(scene.host.accept(params, scene.editor))
    await asked.wait()
    rejecting = asyncio.create_task(scene.host.reject(RejectParams(id=proposal.id, hunks=(SECOND,)), scene.editor))
    assert (await scene.ask("change line 3 again")).proposal is not None, "a prompt goes on"
    assert await told(scene, proposal) == "open .." and not rejecting.done()
    if ended == "answered":
        answer.set()
        await accepting
    else:
        accepting.cancel()
        await asyncio.wait([accepting])
    await rejecting
    assert await told(scene, proposal) == ("partly ar" if ended == "answered" else "open .r")
