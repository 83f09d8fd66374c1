"""Single hunks and files turned down: it is the daemon's to remember, to leave out of what follows, and to count."""

from typing import Any

import pytest

from aid.errors import UsageError
from aid.protocol import (
    AcceptParams,
    FileRef,
    Hunk,
    OutcomeResult,
    Proposal,
    ProposalParams,
    ProposalsParams,
    ProposedParams,
    RejectParams,
    StatsParams,
    UndoParams,
)
from aid.session.client import OpenDocument

Scene = Any
TWO = """calc.txt
<<<<<<< SEARCH
line 3
=======
line three
line three and a half
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
FIRST, SECOND = Hunk(path="calc.txt", index=0), Hunk(path="calc.txt", index=1)


class Chosen:
    """A proposal of two hunks in calc.txt and one in notes.txt, and what is said of its parts."""

    def __init__(self, scene: Scene, proposal: Proposal) -> None:
        self.scene = scene
        self.id = proposal.id

    async def reject(self, *hunks: Hunk, files: tuple[str, ...] = ()) -> None:
        await self.scene.host.reject(RejectParams(id=self.id, hunks=hunks, files=files), self.scene.editor)

    async def accept(self, *hunks: Hunk) -> OutcomeResult:
        params = AcceptParams(id=self.id, hunks=hunks)
        done: OutcomeResult = await self.scene.host.accept(params, self.scene.editor)
        return done

    async def undo(self) -> str | None:
        params = UndoParams(workspace=str(self.scene.root), proposal=self.id)
        return (await self.scene.host.undo(params, self.scene.editor)).applied

    async def told(self) -> str:
        """Its state, that of its files with their hunks, and whether it waits for the person."""
        proposal = await self.scene.host.proposal(ProposalParams(id=self.id), self.scene.editor)
        files = [
            f"{file.path} {file.state} {''.join('a' if h.accepted else 'r' if h.rejected else '.' for h in file.hunks)}"
            for file in proposal.files
        ]
        waiting = await self.scene.host.proposals(ProposalsParams(workspace=str(self.scene.root)), self.scene.editor)
        return f"{proposal.state}: {', '.join(files)}{'; waits' if waiting.proposals else ''}"

    async def counted(self) -> dict[str, Any]:
        found = await self.scene.host.stats(StatsParams(), self.scene.editor)
        return {name: count for name, count in {**found["outcomes"], **found["hunks"]}.items() if count}


@pytest.fixture
async def chosen(scene: Scene) -> Chosen:
    scene.configure()
    (scene.root / "notes.txt").write_text("old\n")
    scene.replies(TWO)
    result = await scene.ask(files=[FileRef(path="calc.txt"), FileRef(path="notes.txt")])
    return Chosen(scene, result.proposal)


async def test_a_hunk_turned_down_stays_so_after_a_restart_and_is_left_out_of_the_rest(chosen: Chosen) -> None:
    await chosen.reject(FIRST)
    await chosen.scene.restart()
    assert await chosen.told() == "open: calc.txt open r., notes.txt open .; waits"
    await chosen.accept()
    assert "line 3\n" in chosen.scene.text and "line seventeen\n" in chosen.scene.text
    assert (chosen.scene.root / "notes.txt").read_text() == "new\n"
    assert await chosen.told() == "partly: calc.txt accepted ra, notes.txt accepted a"
    assert await chosen.counted() == {"partly": 1, "proposed": 3, "accepted": 2, "rejected": 1}


async def test_what_is_left_can_be_turned_down_after_a_part_was_accepted(chosen: Chosen) -> None:
    await chosen.accept(FIRST)
    assert await chosen.told() == "partly: calc.txt partly a., notes.txt open .; waits"
    await chosen.reject()
    assert await chosen.told() == "partly: calc.txt accepted ar, notes.txt rejected r"
    with pytest.raises(UsageError, match="nothing is left to reject of that"):
        await chosen.reject()
    with pytest.raises(UsageError, match="nothing is left to accept of that"):
        await chosen.accept()
    assert "line three\n" in chosen.scene.text and "line 17\n" in chosen.scene.text


async def test_one_whose_last_part_is_turned_down_is_rejected(chosen: Chosen) -> None:
    await chosen.reject(FIRST, SECOND)
    assert await chosen.told() == "open: calc.txt rejected rr, notes.txt open .; waits"
    assert await chosen.counted() == {"proposed": 3, "rejected": 2}, "of the proposal nothing is decided yet"
    await chosen.reject(files=("notes.txt",))
    assert await chosen.told() == "rejected: calc.txt rejected rr, notes.txt rejected r"
    with pytest.raises(UsageError, match="is rejected already"):
        await chosen.reject(FIRST)
    assert (await chosen.scene.host.stats(StatsParams(), chosen.scene.editor))["outcomes"]["rejected"] == 1


async def test_a_hunk_turned_down_by_mistake_is_accepted_by_its_number(chosen: Chosen) -> None:
    await chosen.reject(FIRST)
    await chosen.accept(FIRST)
    assert "line three\n" in chosen.scene.text
    assert await chosen.told() == "partly: calc.txt partly a., notes.txt open .; waits"


async def test_one_that_was_turned_down_altogether_is_accepted_by_its_hunks(chosen: Chosen) -> None:
    await chosen.reject()
    with pytest.raises(UsageError, match="is rejected already"):
        await chosen.accept()
    await chosen.accept(SECOND)
    assert "line 3\n" in chosen.scene.text and "line seventeen\n" in chosen.scene.text
    assert await chosen.told() == "partly: calc.txt accepted ra, notes.txt rejected r"
    await chosen.accept(Hunk(path="notes.txt", index=0))
    assert await chosen.told() == "partly: calc.txt accepted ra, notes.txt accepted a"
    assert await chosen.counted() == {"partly": 1, "proposed": 3, "accepted": 2, "rejected": 1}


async def test_parts_are_taken_back_the_last_first_and_what_was_turned_down_stays_so(chosen: Chosen) -> None:
    await chosen.reject(files=("notes.txt",))
    first = await chosen.accept(FIRST)
    second = await chosen.accept(SECOND)
    assert await chosen.told() == "partly: calc.txt accepted aa, notes.txt rejected r"
    assert [await chosen.undo(), await chosen.undo()] == [second.applied, first.applied]
    assert await chosen.told() == "undone: calc.txt open .., notes.txt rejected r"
    with pytest.raises(UsageError, match="nothing of proposal"):
        await chosen.undo()
    params = UndoParams(workspace=str(chosen.scene.root), proposal=chosen.id)
    assert (await chosen.scene.host.redo(params, chosen.scene.editor)).applied == first.applied
    await chosen.undo()
    await chosen.reject()
    assert await chosen.told() == "rejected: calc.txt rejected rr, notes.txt rejected r"


async def test_what_becomes_of_a_file_leaves_out_what_was_turned_down_and_says_where_the_rest_is(
    chosen: Chosen,
) -> None:
    async def places() -> dict[str, list[tuple[int, str]]]:
        found = await chosen.scene.host.proposed(ProposedParams(id=chosen.id), chosen.scene.editor)
        return {
            file.path: [(place.index, file.text.split("\n")[place.line - 1]) for place in file.places]
            for file in found.files
        }

    calc = chosen.scene.root / "calc.txt"
    unsaved = "above\n" + chosen.scene.text.replace("line 10\n", "")
    chosen.scene.editor.open[calc] = OpenDocument(path=calc, text=unsaved, version=2)
    notes = [(0, "new")]
    assert await places() == {"calc.txt": [(0, "line three"), (1, "line seventeen")], "notes.txt": notes}
    await chosen.reject(FIRST)
    assert await places() == {"calc.txt": [(1, "line seventeen")], "notes.txt": notes}
    await chosen.reject(SECOND)
    assert await places() == {"notes.txt": notes}


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"files": ("other.txt",)}, "does not change other.txt: it changes calc.txt, notes.txt"),
        ({"hunks": (Hunk(path="calc.txt", index=2),)}, "calc.txt has 2 hunks, counted from 0: there is no 2"),
    ],
)
async def test_a_part_that_is_not_there_is_said_to_be_none(chosen: Chosen, part: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        await chosen.scene.host.reject(RejectParams(id=chosen.id, **part), chosen.scene.editor)
    assert await chosen.told() == "open: calc.txt open .., notes.txt open .; waits"
