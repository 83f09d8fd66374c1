"""A chat that an editor keeps as Markdown: what it is given to show, and what is read out of what it sends."""

from typing import Any

import pytest

from aid.errors import UsageError
from aid.protocol import (
    AcceptParams,
    Attachment,
    ChatParams,
    FileRef,
    Hunk,
    PromptParams,
    ProposalParams,
    RejectParams,
    UndoParams,
)
from aid.session.chat_text import read

Scene = Any
REPLY = """Two lines change.

calc.txt
<<<<<<< SEARCH
line 3
=======
line three
>>>>>>> REPLACE
<<<<<<< SEARCH
line 17
=======
  ```` 17
>>>>>>> REPLACE
"""
ANSWER = """Two lines change.

**Proposal ID** green (command build)

[accept all] [reject] [diff] [undo]

### calc.txt +2 -2 [accept file] [compare]

`````diff
diff --git a/calc.txt b/calc.txt
--- a/calc.txt
+++ b/calc.txt
@@ -1,6 +1,6 @@ [accept hunk]
 line 1
 line 2
-line 3
+line three
 line 4
 line 5
 line 6
@@ -14,7 +14,7 @@ [accept hunk]
 line 14
 line 15
 line 16
-line 17
+  ```` 17
 line 18
 line 19
 line 20
`````"""


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("look\nat this", ("look\nat this", (), ())),
        (
            "attached: lib/a b.ml\nwhy?\nattached: b.ml:3-5\nattached: c.ml:7",
            ("why?", (FileRef("lib/a b.ml"), FileRef("b.ml", 3, 5), FileRef("c.ml", 7, 7)), ()),
        ),
        (
            "attached: diff\n````diff\n+```\n \n````\nattached: a.ml:1-1\n```\nlet x\n```\nwhy?\n```\nattached\n```",
            (
                "why?\n```\nattached\n```",
                (),
                (Attachment("diff", "+```\n \n"), Attachment("a.ml:1-1", "let x\n")),
            ),
        ),
        ("attached: never ended\n```\nx", ("```\nx", (FileRef("never ended"),), ())),
    ],
)
def test_what_is_attached_is_read_out_of_a_prompt(prompt: str, expected: tuple[Any, ...]) -> None:
    found = read(PromptParams(workspace="/w", prompt=prompt))
    assert (found.prompt, found.files, found.attachments) == expected


async def markdown(scene: Scene, proposal: str) -> str:
    found = await scene.host.proposal(ProposalParams(id=proposal, markdown=True), scene.editor)
    return str(found.markdown).replace(proposal, "ID")


async def test_an_answer_and_the_chat_are_shown_as_they_are_now(scene: Scene) -> None:
    scene.configure(build=True)
    scene.replies(REPLY, "Nothing more.", "calc.txt\n<<<<<<< SEARCH\nnowhere\n=======\nx\n>>>>>>> REPLACE\n")
    asked = {"chat": "c", "markdown": True}
    result = await scene.ask("spell\nattached: calc.txt", **asked)
    made = result.proposal.id
    assert result.markdown.replace(made, "ID") == ANSWER and result.prompt == "spell"
    assert await markdown(scene, made) == ANSWER.partition("\n\n")[2]
    await scene.host.accept(AcceptParams(id=made, hunks=(Hunk(path="calc.txt", index=1),)), scene.editor)
    shown = await markdown(scene, made)
    assert shown == ANSWER.partition("\n\n")[2].replace("+14,7 @@ [accept hunk]", "+14,7 @@ [hunk accepted]")
    assert (await scene.ask("and then?", **asked)).markdown == "Nothing more."
    refused = await scene.ask("and now?", **asked)
    assert refused.markdown == f"_{refused.reason}_" and refused.reason
    found = await scene.host.chat(ChatParams(workspace=str(scene.root), chat="c", markdown=True), scene.editor)
    assert found.markdown.replace(made, "ID") == (
        f"## You\n\nspell\nattached: calc.txt\n\n## AID\n\nTwo lines change.\n\n{shown}\n\n"
        f"## You\n\nand then?\n\n## AID\n\nNothing more.\n\n## You\n\nand now?\n\n## AID\n\n_{refused.reason}_"
    )
    assert not (await scene.host.chat(ChatParams(workspace=str(scene.root), chat="c"), scene.editor)).markdown


async def test_an_outcome_says_in_words_what_it_is_and_of_what(scene: Scene) -> None:
    scene.configure()
    scene.replies(REPLY, REPLY)
    made = (await scene.ask("spell")).proposal
    here = {"workspace": str(scene.root)}
    told = [await scene.host.accept(AcceptParams(files=("calc.txt",), **here), scene.editor)]
    told.append(await scene.host.undo(UndoParams(**here), scene.editor))
    told.append(await scene.host.redo(UndoParams(**here), scene.editor))
    told.append(await scene.host.undo(UndoParams(**here), scene.editor))
    (scene.root / "calc.txt").write_text(scene.text.replace("line 3\n", "mine\n"))
    told.append(await scene.host.accept(AcceptParams(id=made.id), scene.editor))
    assert [(each.line, each.proposal) for each in told] == [
        ("accepted calc.txt", made.id),
        ("taken back calc.txt", made.id),
        ("applied again calc.txt", made.id),
        ("taken back calc.txt", made.id),
        ("not accepted: calc.txt: edited since (line 3)", made.id),
    ]


async def test_who_names_no_proposal_means_the_newest_that_is_open(scene: Scene) -> None:
    scene.configure()
    scene.replies(REPLY, "calc.txt\n<<<<<<< SEARCH\nline 9\n=======\nline nine\n>>>>>>> REPLACE\n")
    here = {"workspace": str(scene.root)}
    older, newer = [(await scene.ask("spell")).proposal.id for _ in range(2)]
    assert (await scene.host.proposal(ProposalParams(**here), scene.editor)).id == newer
    rejected = await scene.host.reject(RejectParams(**here), scene.editor)
    assert (rejected.line, rejected.proposal) == ("rejected", newer)
    assert (await scene.host.proposal(ProposalParams(**here), scene.editor)).id == older
    await scene.host.accept(AcceptParams(**here), scene.editor)
    with pytest.raises(UsageError, match=r"^there is no open proposal: ask for one$"):
        await scene.host.accept(AcceptParams(**here), scene.editor)
    with pytest.raises(UsageError, match="no proposal is named"):
        await scene.host.proposal(ProposalParams(), scene.editor)
