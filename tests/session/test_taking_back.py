"""What was accepted into an editor's documents is taken back there, and done again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aid.apply.opened import open_journal
from aid.errors import UsageError
from aid.protocol import AcceptParams, FileRef, Hunk, OutcomeResult, Proposal, StatsParams, UndoParams
from aid.session.client import OpenDocument
from aid.session.identity import IDENTITY, Identity
from aid.session.kept import Kept
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
notes.txt
<<<<<<< SEARCH
old
=======
new
>>>>>>> REPLACE
"""


class Desk:
    """An editor that shows calc.txt and does what it is told; notes.txt is on disk only."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.path: Path = scene.root / "calc.txt"
        (scene.root / "notes.txt").write_text("old\n")
        scene.editor.open[self.path] = OpenDocument(path=self.path, text=scene.text, version=1)
        scene.editor.apply_edit = self._apply

    async def _apply(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        if self.scene.editor.refusal is None:
            for change in changes:
                self.type((change.after or b"").decode())
        return self.scene.editor.refusal

    def type(self, text: str) -> None:
        open_ = self.scene.editor.open
        open_[self.path] = msgspec.structs.replace(open_[self.path], text=text, version=open_[self.path].version + 1)

    @property
    def shown(self) -> str:
        return self.scene.editor.open[self.path].text

    @property
    def notes(self) -> str:
        return (self.scene.root / "notes.txt").read_text()

    async def proposal(self) -> Proposal:
        self.scene.replies(TWO)
        result = await self.scene.ask(files=[FileRef(path="calc.txt"), FileRef(path="notes.txt")])
        return result.proposal

    async def accept(self, proposal: Proposal, **part: Any) -> OutcomeResult:
        params = AcceptParams(id=proposal.id, through_editor=True, **part)
        return await self.scene.host.accept(params, self.scene.editor)

    async def turn(self, name: str, id_: str | None = None) -> OutcomeResult:
        params = UndoParams(workspace=str(self.scene.root), id=id_, through_editor=True)
        return await getattr(self.scene.host, name)(params, self.scene.editor)


@pytest.fixture
def desk(scene: Scene) -> Desk:
    scene.configure()
    return Desk(scene)


async def test_both_halves_are_taken_back_and_done_again(desk: Desk) -> None:
    before = desk.shown
    done = await desk.accept(await desk.proposal())
    assert "line three\n" in desk.shown and desk.notes == "new\n" and "line 3\n" in desk.scene.text
    undone = await desk.turn("undo")
    assert (undone.applied, undone.in_editor) == (done.applied, ("calc.txt",))
    assert (desk.shown, desk.notes) == (before, "old\n")
    await desk.turn("redo")
    assert "line seventeen\n" in desk.shown and desk.notes == "new\n"


async def test_lines_typed_elsewhere_since_stay(desk: Desk) -> None:
    await desk.accept(await desk.proposal())
    desk.type(desk.shown.replace("line 10\n", "typed\n"))
    await desk.turn("undo")
    assert "typed\n" in desk.shown and "line 3\n" in desk.shown


async def test_lines_typed_over_it_are_refused_and_nothing_is_taken_back(desk: Desk) -> None:
    await desk.accept(await desk.proposal())
    desk.type(desk.shown.replace("line three", "mine"))
    undone = await desk.turn("undo")
    assert undone.applied is None and undone.refused[0].path == "calc.txt"
    assert "mine\n" in desk.shown and desk.notes == "new\n"


async def test_an_editor_that_refuses_leaves_the_disk_as_it_was(desk: Desk) -> None:
    await desk.accept(await desk.proposal())
    desk.scene.editor.refusal = "no"
    undone = await desk.turn("undo")
    assert undone.applied is None and undone.refused[0].reason == "no" and desk.notes == "new\n"


async def test_parts_accepted_one_after_the_other_are_taken_back_the_last_first(desk: Desk) -> None:
    proposal = await desk.proposal()
    await desk.accept(proposal, hunks=(Hunk(path="calc.txt", index=0),))
    desk.scene.now += 1.0
    await desk.accept(proposal, hunks=(Hunk(path="calc.txt", index=1),))
    assert "line three\n" in desk.shown and "line seventeen\n" in desk.shown
    await desk.turn("undo")
    assert "line three\n" in desk.shown and "line 17\n" in desk.shown
    await desk.turn("undo")
    assert desk.shown == desk.scene.text


async def test_what_was_saved_and_closed_since_is_taken_back_on_disk(desk: Desk) -> None:
    done = await desk.accept(await desk.proposal())
    desk.path.write_text(desk.shown)
    desk.scene.editor.open.clear()
    undone = await desk.turn("undo", done.applied)
    assert undone.in_editor == () and "line 3\n" in desk.scene.text and desk.notes == "old\n"


async def test_what_is_taken_back_already_is_said_to_be(desk: Desk) -> None:
    done = await desk.accept(await desk.proposal())
    await desk.turn("undo")
    with pytest.raises(UsageError, match="undone already"):
        await desk.turn("undo", done.applied)


async def test_the_metrics_count_it_as_undone(desk: Desk) -> None:
    await desk.accept(await desk.proposal())
    await desk.turn("undo")
    stats = await desk.scene.host.stats(StatsParams(), desk.scene.editor)
    assert "undone" in str(stats) and stats != {}, stats


async def test_lines_typed_over_while_the_disk_is_written_are_not_said_to_be_accepted(desk: Desk) -> None:
    proposal, editor, looked = await desk.proposal(), desk.scene.editor, asyncio.Event()
    documents = editor.documents
    editor.documents = lambda: (looked.set(), documents())[1]
    with open_journal(desk.scene.root).locked():  # where the writing waits
        accepting = asyncio.create_task(desk.accept(proposal))
        await looked.wait()
        desk.type(desk.shown.replace("line 3\n", "mine\n"))
    done = await accepting
    assert (done.applied, [(each.path, each.reason) for each in done.refused]) == (None, [("calc.txt", "edited since")])
    assert "mine\n" in desk.shown and "line 17\n" in desk.shown and desk.notes == "old\n"


async def test_an_undo_that_is_asked_again_after_a_restart_is_not_done_twice(desk: Desk, tmp_path: Path) -> None:
    proposal = await desk.proposal()
    await desk.accept(proposal, hunks=(Hunk(path="calc.txt", index=0),))
    desk.scene.now += 1.0
    await desk.accept(proposal, hunks=(Hunk(path="calc.txt", index=1),))
    desk.scene.now += 1.0
    asked = Identity(key=("session", 7), kept=Kept(tmp_path / "requests.db"))
    token = IDENTITY.set(asked)
    first = await desk.turn("undo")
    IDENTITY.set(msgspec.structs.replace(asked, again=True))
    second = await desk.turn("undo")
    IDENTITY.reset(token)
    assert second == first and "line three\n" in desk.shown and "line 17\n" in desk.shown
