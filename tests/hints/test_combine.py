"""Combinations: each differs from the others, none writes the same text twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aid.models.hints.combine import combinations
from aid.models.hints.suggestion import Suggestion, TextEdit

EDITS = st.builds(
    lambda path, start, length, text: TextEdit(path, start, start + length, text),
    st.sampled_from(["a", "b"]),
    st.integers(0, 12),
    st.integers(0, 4),
    st.sampled_from(["", "x", "yz"]),
)
SUGGESTIONS = st.builds(
    lambda edit, confidence, alone: Suggestion((edit,), "because", confidence, alone),
    EDITS,
    st.floats(0, 1),
    st.booleans(),
)


def one(start: int, text: str, confidence: float, *, alone: bool = False) -> Suggestion:
    return Suggestion((TextEdit("a", start, start + 2, text),), text, confidence, alone)


def texts(choices: list[list[Suggestion]]) -> list[str]:
    return ["+".join(each.reason for each in taken) for taken in combinations(choices)]


def test_the_best_of_each_first_then_what_is_next_likely() -> None:
    found = texts([[one(0, "sure", 0.9)], [one(5, "likely", 0.6), one(5, "maybe", 0.3)]])
    assert found == ["sure+likely", "sure+maybe", "sure", "likely", "maybe"]


def test_of_two_that_touch_the_more_confident_stays() -> None:
    assert texts([[one(0, "weak", 0.4)], [one(1, "strong", 0.8)]])[0] == "strong"


def test_takes_one_parsers_error_a_file() -> None:
    first = texts([[one(0, "first", 0.7, alone=True)], [one(5, "astray", 0.7, alone=True)], [one(9, "other", 0.7)]])[0]
    assert first == "first+other"


@given(st.lists(st.lists(SUGGESTIONS, max_size=3), max_size=5))
def test_never_writes_a_place_twice_nor_says_the_same_twice(choices: list[list[Suggestion]]) -> None:
    written = []
    for taken in combinations(choices):
        found = sorted(
            {edit for each in taken for edit in each.edits}, key=lambda each: (each.path, each.start, each.end)
        )
        for before, behind in pairwise(found):
            assert before.path != behind.path or (before.end <= behind.start and before.start < behind.start)
        written.append(frozenset(found))
    assert len(written) == len(set(written))
