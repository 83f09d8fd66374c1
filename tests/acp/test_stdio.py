"""Bytes in pieces to whole lines."""

from hypothesis import given
from hypothesis import strategies as st

from aid.acp.stdio import Lines


@given(st.lists(st.binary(max_size=6), max_size=10))
def test_however_lines_are_cut_they_come_whole_and_in_order(pieces: list[bytes]) -> None:
    lines = Lines()
    found = [line for piece in pieces for line in lines.feed(piece)] + lines.end()
    assert found == [line for line in b"".join(pieces).split(b"\n") if line.strip()]


def test_an_overlong_line_is_told_once_and_passed_over() -> None:
    lines = Lines(limit_bytes=4)
    assert lines.feed(b"one\n12345") == [b"one", None]
    assert lines.feed(b"6789") == []
    assert lines.feed(b"0\ntwo\n") == [b"two"]
    assert lines.feed(b"12345\nfour\n") == [None, b"four"]
