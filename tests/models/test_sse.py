"""Event streams, cut anywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aid.models.sse import Event, Malformed, Parser

STREAM = (
    "\N{ZERO WIDTH NO-BREAK SPACE}: keep-alive\n\ndata: one\n\nevent: error\r\ndata: two\r\ndata:  lines ü\r\n\r\n"
    "id: 7\nretry: 10\n\ndata\n\ndata:x\ry: unknown\r\r"
)
EVENTS = [Event("one"), Event("two\n lines ü", "error"), Event(""), Event("x")]


def parsed(*pieces: bytes) -> list[Event]:
    parser = Parser()
    return [event for piece in pieces for event in parser.feed(piece)] + parser.close()


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=8))
def test_reads_the_same_events_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    stream = STREAM.encode()
    edges = [0, *sorted(cuts), len(stream)]
    assert parsed(*(stream[a:b] for a, b in pairwise(edges))) == EVENTS


def test_hands_out_a_last_event_without_its_blank_line() -> None:
    assert parsed(b"data: [DONE]") == [Event("[DONE]")]


def test_refuses_text_that_is_not_utf_8() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        parsed(b"data: \xff\n\n")


def test_refuses_a_line_without_end() -> None:
    with pytest.raises(Malformed, match="100 bytes"):
        Parser(limit_bytes=100).feed(b"data: " + b"x" * 101)


@given(st.binary())
def test_takes_any_bytes(stream: bytes) -> None:
    try:
        assert all(isinstance(event, Event) for event in parsed(stream))
    except Malformed as error:
        assert "UTF-8" in str(error)
