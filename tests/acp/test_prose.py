"""An answer in two: what is said, and its edit blocks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aid.acp.prose import Piece, Prose

ANSWER = """Both of them, as in `a.ml`.

a.ml
<<<<<<< SEARCH
let x = 1
=======
let x = 2
>>>>>>> REPLACE

See
notes.txt
for more.
"""
SAID = ANSWER[: ANSWER.index("a.ml\n<")] + ANSWER[ANSWER.index("\nSee") :]


def split(pieces: list[str]) -> tuple[str, str]:
    prose = Prose()
    found = [piece for text in pieces for piece in prose.feed(text)] + prose.end()
    return "".join(p.text for p in found if not p.edit), "".join(p.text for p in found if p.edit)


@given(st.lists(st.integers(0, len(ANSWER)), max_size=20))
def test_however_an_answer_is_cut_its_edits_are_told_from_what_is_said(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(ANSWER)]
    pieces = [ANSWER[first:last] for first, last in pairwise(ends)]
    said, edits = split(pieces)
    assert said == SAID
    assert edits == ANSWER[ANSWER.index("a.ml\n<") : ANSWER.index("\nSee")]


@given(st.lists(st.text("a.<>* =\n"), max_size=8))
def test_nothing_of_an_answer_is_lost_or_moved(pieces: list[str]) -> None:
    prose = Prose()
    found = [piece for text in pieces for piece in prose.feed(text)] + prose.end()
    assert "".join(piece.text for piece in found) == "".join(pieces)


@pytest.mark.parametrize("begun", ["So, the", "x = 1 <"])
def test_words_are_shown_before_their_line_ends(begun: str) -> None:
    assert Prose().feed(begun) == [Piece(begun, edit=False)]
