"""`<think>` at the start of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aid.models.reasoning import Splitter


def split(*pieces: str) -> tuple[str, str]:
    """(text, reasoning)"""
    splitter = Splitter()
    chunks = [*(splitter.feed(piece) for piece in pieces), splitter.close()]
    return "".join(chunk.text for chunk in chunks), "".join(chunk.reasoning for chunk in chunks)


@pytest.mark.parametrize(
    ("answer", "text", "reasoning"),
    [
        ("plain", "plain", ""),
        ("<think>hm</think>\n\nanswer", "answer", "hm"),
        ("\n <think>\nhm\n</think>answer <think>no</think>", "answer <think>no</think>", "\nhm\n"),
        ("<thinking>a</think>b</thinking>c", "c", "a</think>b"),
        ("<think>never closed", "", "never closed"),
        ("<think></think>", "", ""),
        ("a <think>b</think>", "a <think>b</think>", ""),
        ("<thin", "<thin", ""),
        ("<div>", "<div>", ""),
        ("  indented", "  indented", ""),
        ("", "", ""),
    ],
)
def test_splits_the_same_whole_or_by_the_character(answer: str, text: str, reasoning: str) -> None:
    assert split(answer) == (text, reasoning)
    assert split(*answer) == (text, reasoning)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "\n", "a", "</", " "]), max_size=10))
def test_says_the_same_however_the_answer_is_cut(pieces: list[str]) -> None:
    assert split(*pieces) == split("".join(pieces))
