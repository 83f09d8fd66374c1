"""How much of an accepted edit survives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aid.metrics.survival import added_lines, surviving
from ces.change import FileChange


def check(before: str | None, after: str | None, now: str | None) -> float | None:
    lines = added_lines([change("f", before, after)])
    return None if lines is None else surviving(lines, {"f": None if now is None else now.encode()})


def change(path: str, before: str | None, after: str | None) -> FileChange:
    sides = (None if side is None else side.encode() for side in (before, after))
    return FileChange(path=path, before=next(sides), after=next(sides))


@pytest.mark.parametrize(
    ("before", "after", "now", "fraction"),
    [
        ("a\n", "a\nb\nc\n", "a\nb\nc\n", 1.0),
        ("a\n", "a\nb\nc\n", "a\nc\n", 0.5),
        ("a\n", "a\nb\nc\n", "a\n", 0.0),
        ("a\n", "a\nb\nc\n", None, 0.0),
        # moved, indented, with CRLF: all the same line
        ("a\n", "a\nb\nc\n", "c\r\n\t b \r\na\r\n", 1.0),
        # a line that was there before does not count as the added one
        ("x\n", "x\nx\ny\n", "x\ny\n", 0.5),
        ("x\nx\n", "x\nx\nx\n", "x\nx\n", 0.0),
        # more of them than were added is no more than all
        ("", "b\n", "b\nb\nb\n", 1.0),
        (None, "a\n\n\nb\n", "a\n", 0.5),
        # no added lines to look for
        ("a\nb\n", "a\n", "a\n", None),
        ("a\n", None, None, None),
        ("a\n", "a\n\n\n", "a\n", None),
        ("a\n", "a\0b\n", "a\n", None),
    ],
)
def test_says_what_fraction_of_the_added_lines_is_there(
    before: str | None, after: str | None, now: str | None, fraction: float | None
) -> None:
    assert check(before, after, now) == fraction


def test_counts_a_line_that_moved_to_another_changed_file() -> None:
    lines = added_lines([change("f", "a\n", "a\nb\n"), change("g", None, "c\n"), change("h", "x\n", None)])
    assert lines is not None
    assert lines.files == ("f", "g")
    assert surviving(lines, {"f": b"a\n", "g": b"c\nb\n"}) == 1.0
    assert surviving(lines, {"f": b"a\n", "g": None}) == 0.0


TEXT = st.lists(st.sampled_from(["a", "b", "c", " a", ""]), max_size=8).map("\n".join)


@given(TEXT, TEXT, TEXT)
def test_is_a_fraction_and_whole_while_nothing_changes_and_nought_once_it_is_undone(
    before: str, after: str, now: str
) -> None:
    fraction = check(before, after, now)
    if fraction is None:
        return
    assert 0.0 <= fraction <= 1.0
    assert check(before, after, after) == 1.0
    assert check(before, after, before) == 0.0
