"""What a proposal's files would be, before any of it is accepted: on unsaved text, on what was accepted already."""

from typing import Any

from aid.errors import UsageError
from aid.protocol import AcceptParams, FileRef, Hunk, Proposal, ProposedParams
from aid.session.client import OpenDocument

Scene = Any
REPLY = """calc.txt
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


async def proposal(scene: Scene) -> Proposal:
    scene.configure()
    scene.replies(REPLY)
    return (await scene.ask(files=[FileRef(path="calc.txt")])).proposal


def typed(scene: Scene, text: str) -> None:
    path = scene.root / "calc.txt"
    scene.editor.open[path] = OpenDocument(path=path, text=text, version=2)


async def proposed(scene: Scene, made: Proposal) -> list[tuple[str, str, str | None]]:
    result = await scene.host.proposed(ProposedParams(id=made.id), scene.editor)
    return [(each.path, each.text, each.reason) for each in result.files]


async def test_a_file_with_all_that_is_left_to_accept(scene: Scene) -> None:
    made = await proposal(scene)
    before = scene.text
    half = before.replace("line 3\n", "line three\n")
    whole = half.replace("line 17\n", "line seventeen\n")
    assert await proposed(scene, made) == [("calc.txt", whole, None)] and scene.text == before
    await scene.host.accept(AcceptParams(id=made.id, hunks=(Hunk(path="calc.txt", index=0),)), scene.editor)
    assert scene.text == half and await proposed(scene, made) == [("calc.txt", whole, None)]
    await scene.host.accept(AcceptParams(id=made.id), scene.editor)
    assert await proposed(scene, made) == []


async def test_unsaved_lines_are_in_it(scene: Scene) -> None:
    made = await proposal(scene)
    typed(scene, scene.text.replace("line 10\n", "mine\n"))
    ((_, text, reason),) = await proposed(scene, made)
    assert "line three\n" in text and "mine\n" in text and "line seventeen\n" in text and reason is None


async def test_lines_typed_over_it_are_a_reason(scene: Scene) -> None:
    made = await proposal(scene)
    typed(scene, scene.text.replace("line 3\n", "mine\n"))
    assert await proposed(scene, made) == [("calc.txt", "", "edited since")]


async def test_one_file_is_named_and_said_or_not_at_all(scene: Scene) -> None:
    made = await proposal(scene)

    async def one(path: str) -> str:
        try:
            found = await scene.host.proposed(ProposedParams(workspace=str(scene.root), path=path), scene.editor)
        except UsageError as error:
            return str(error)
        return found.files[0].text.splitlines()[2]

    assert [await one("calc.txt"), await one("other.txt")] == ["line three", "nothing of other.txt is left to accept"]
    typed(scene, scene.text.replace("line 3\n", "mine\n"))
    assert await one("calc.txt") == "calc.txt: edited since"
    assert (await scene.host.proposed(ProposedParams(id=made.id), scene.editor)).files[0].reason == "edited since"
