"""Frames: whatever the bytes and however they are cut, the same messages and bounded memory."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aid.framing import Decoder, Fault, encode

LIMIT = 64

bodies = st.binary(min_size=1, max_size=LIMIT)
fragments = st.one_of(
    bodies.map(encode),
    st.binary(max_size=40),
    st.sampled_from([b"Content-Length: ", b"\r\n", b"\r\n\r\n", b"Content-Length: 3\r\n\r\n", b"9" * 20, b"{}", b":"]),
)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(ends)]


@given(st.lists(bodies, max_size=8), st.lists(st.integers(min_value=0), max_size=12))
def test_decodes_what_was_encoded_however_it_is_cut(messages: list[bytes], places: list[int]) -> None:
    decoder = Decoder()
    found = [each for piece in cut(b"".join(map(encode, messages)), places) for each in decoder.feed(piece)]
    assert found == messages
    assert not decoder.partial


@given(st.lists(fragments, max_size=12).map(b"".join), st.lists(st.integers(min_value=0), max_size=12))
def test_any_bytes_are_read_the_same_way_however_they_are_cut(stream: bytes, places: list[int]) -> None:
    def read(pieces: list[bytes]) -> list[bytes | bool]:
        decoder = Decoder(body_limit_bytes=LIMIT, header_limit_bytes=256)
        found = []
        for piece in pieces:
            found += decoder.feed(piece)
            assert len(decoder._buffer) <= 256 + LIMIT
        return [each.fatal if isinstance(each, Fault) else each for each in found]

    whole = read([stream])
    assert read(cut(stream, places)) == whole
    assert read([bytes([byte]) for byte in stream]) == whole
    assert not any(fault is True for fault in whole[:-1]), "nothing comes after a fatal fault"


@given(st.integers(min_value=LIMIT + 1, max_value=10_000), bodies)
def test_a_message_over_the_limit_is_passed_over_and_never_held(size_bytes: int, after: bytes) -> None:
    decoder = Decoder(body_limit_bytes=LIMIT)
    (fault,) = decoder.feed(b"Content-Length: %d\r\n\r\n" % size_bytes)
    assert fault == (f"a message of {size_bytes} bytes is over the limit of {LIMIT}", False)
    for _ in range(size_bytes - 1):
        assert decoder.feed(b"x") == []
        assert len(decoder._buffer) == 0
    assert decoder.feed(b"x" + encode(after)) == [after]


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b'{"jsonrpc": "2.0"}\n', "expected a header 'Content-Length: N', found b'{\"jsonrpc\": \"2.0\"}\\n'"),
        (b"\x16\x03\x01", "expected a header 'Content-Length: N', found b'\\x16\\x03\\x01'"),
        (b"GET / HTTP/1.1\r\n", "expected a header 'Content-Length: N', found b'GET / HTTP/1.1\\r\\n'"),
        (b"Content-Length: 2\n\n{}", "expected a header 'Content-Length: N', found b'Content-Length: 2\\n\\n{}'"),
        (b"Content-Length: -1\r\n\r\n", "expected one Content-Length, found b'Content-Length: -1\\r\\n'"),
        (b"Content-Type: x\r\n\r\n", "expected one Content-Length, found b'Content-Type: x\\r\\n'"),
        (b"A: b\r\n" * 2000, "the header is longer than 8192 bytes"),
    ],
)
def test_garbage_is_named_at_once(stream: bytes, reason: str) -> None:
    decoder = Decoder()
    assert decoder.feed(stream) == [Fault(reason, fatal=True)]
    assert decoder.feed(encode(b"{}")) == []
    assert not decoder.partial


def test_reads_other_headers_in_any_order_and_case() -> None:
    stream = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:  2 \r\n\r\n{}"
    assert Decoder().feed(stream) == [b"{}"]
