"""The daemon's edits, made in a text as an editor would, and its proposals as diffs of whole files."""

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aid.acp.documents import TextEdit, edited
from aid.acp.schema import Content, Diff, Text
from aid.acp.shown import made, shown
from aid.edits import unified
from aid.protocol import Proposal, ProposedFile
from aid.server.editor_protocol import CONVERTER
from aid.server.workspace_edit import line_edits
from ces.change import FileChange
from ces.verdict import Verdict

TEXTS = st.lists(st.sampled_from(["a", "b", "é𝒳", "", "\x0c"]), max_size=8).flatmap(
    lambda lines: st.tuples(st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()).map(
        lambda how: how[0].join(lines) + (how[0] if how[1] else "")
    )
)
ROOT = Path("/w")


@given(TEXTS, TEXTS)
def test_edits_make_the_text_that_they_were_made_for(old: str, new: str) -> None:
    sent = CONVERTER.unstructure(line_edits(old, new, "utf-16"))
    assert edited(old, msgspec.convert(sent, list[TextEdit])) == new


def proposal(*changes: FileChange) -> Proposal:
    files = tuple(
        ProposedFile(path=change.path, status=change.status, old_path=change.old_path, added=1) for change in changes
    )
    verdict = Verdict(status="unchecked", stage=None)
    diff = unified(changes)
    return Proposal(id="p1", request="r1", workspace="/w", model="m", diff=diff, files=files, verdict=verdict)


CHANGES = (
    FileChange(path="a.txt", before=b"one\ntwo\n", after=b"one\n2\n"),
    FileChange(path="new.txt", before=None, after=b"hello\n", mode=0o644),
    FileChange(path="gone.txt", before=b"bye\n", after=None),
    FileChange(path="to.txt", old_path="from.txt", before=b"one\ntwo\n", after=b"one\n2\n"),
)
BEFORE = {change.old_path or change.path: change.before for change in CHANGES}


def test_each_file_is_shown_as_what_is_done_to_it() -> None:
    files = shown(proposal(*CHANGES), ROOT, made(proposal(*CHANGES), BEFORE.get))
    assert [(each.title, each.kind) for each in files] == [
        ("Edit a.txt (+1 −0)", "edit"),
        ("Create new.txt (+1 −0)", "edit"),
        ("Delete gone.txt (+1 −0)", "delete"),
        ("Move from.txt to to.txt (+1 −0)", "move"),
    ]
    assert [each.content[0] for each in files] == [
        Diff(path="/w/a.txt", old_text="one\ntwo\n", new_text="one\n2\n"),
        Diff(path="/w/new.txt", new_text="hello\n"),
        Diff(path="/w/gone.txt", old_text="bye\n", new_text=""),
        Diff(path="/w/to.txt", old_text="one\ntwo\n", new_text="one\n2\n"),
    ]
    assert [each.locations[0].line for each in files] == [2, None, 1, 2]
    assert [each.change for each in files] == list(CHANGES)


def test_a_file_that_is_no_longer_what_the_proposal_was_made_from_is_not_shown_as_a_diff() -> None:
    made_now = made(proposal(*CHANGES), {**BEFORE, "a.txt": b"other\n"}.get)
    first, second, *_ = shown(proposal(*CHANGES), ROOT, made_now)
    assert first.change is None and second.change == CHANGES[1]
    told = "a.txt has no place, or several, where a hunk fits: it has changed meanwhile"
    assert first.content == (Content(content=Text(text=told)),)
