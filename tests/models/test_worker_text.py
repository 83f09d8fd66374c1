"""The worker's pure parts: text as it may be handed on, joined requests, the turnstile, GGUF headers."""

import asyncio
import struct
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aid.errors import ModelError, ModelMissing
from aid.models import gguf_file
from aid.models.worker.answer_text import AnswerText
from aid.models.worker.engine import ChatRequest, Piece, Turn
from aid.models.worker.joining import Joining
from aid.models.worker.turnstile import Room, Turnstile


def given_on(pieces: list[bytes], *stops: str) -> list[str]:
    text = AnswerText(stops)
    return [*(text.feed(piece) for piece in pieces), text.close()]


def test_a_character_cut_in_two_waits_for_its_end() -> None:
    assert given_on([b"na\xc3", b"\xafve"]) == ["na", "ïve", ""]
    assert given_on([b"\xff", b"x\xe2\x82"]) == ["�", "x", "�"]


def test_the_beginning_of_a_stop_text_is_held_back() -> None:
    assert given_on([b"one <", b"/e", b"nd> two"], "</end>") == ["one ", "", "", ""]
    assert given_on([b"one <", b"/em> two"], "</end>") == ["one ", "</em> two", ""]
    assert given_on([b"one <"], "</end>") == ["one ", "<"]


def test_the_first_of_several_stop_texts_counts() -> None:
    assert (
        given_on([b"a b c"], "c", "b", "")
        == [
            "a ",
            "",
        ][:2]
    )


@given(st.text(), st.lists(st.integers(1, 4)), st.text(min_size=1, max_size=3))
def test_however_it_is_cut_the_text_before_the_stop_comes_out(text: str, cuts: list[int], stop: str) -> None:
    content = text.encode("utf-8", "ignore")
    pieces, rest = [], content
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert "".join(given_on([*pieces, rest], stop)) == content.decode().split(stop)[0]


def request(**fields: object) -> ChatRequest:
    return ChatRequest(messages=(Turn("user", "hello"),), **fields)  # type: ignore[arg-type]


class Asked:
    """An engine that answers each candidate with its seed."""

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []
        self.closed = asyncio.Event()
        self.endless = False

    async def __call__(self, asked: ChatRequest) -> AsyncGenerator[Piece, None]:
        self.requests.append(asked)
        try:
            for index in range(asked.n):
                seed = None if asked.seed is None else asked.seed + index
                yield Piece(index=index, text=str(seed))
            if self.endless:
                await asyncio.Event().wait()
            for index in range(asked.n):
                yield Piece(index=index, finish="stop")
        finally:
            self.closed.set()


async def text_of(joining: Joining, asked: ChatRequest) -> str:
    return "".join([piece.text async for piece in joining.generate(asked)])


async def test_requests_alike_become_one_and_get_their_own_answers() -> None:
    engine = Asked()
    joining = Joining(engine, most=4)
    texts = await asyncio.gather(*(text_of(joining, request(seed=seed)) for seed in (7, 8, 9)))
    assert texts == ["7", "8", "9"]
    assert [(asked.n, asked.seed) for asked in engine.requests] == [(3, 7)]


async def test_what_is_not_alike_stays_apart() -> None:
    engine = Asked()
    joining = Joining(engine, most=2)
    asked = [request(seed=1), request(seed=5), request(seed=1, temperature=0.1), request(), request(), request()]
    await asyncio.gather(*(text_of(joining, one) for one in asked))
    assert sorted((one.n, one.seed or 0) for one in engine.requests) == [(1, 0), (1, 1), (1, 1), (1, 5), (2, 0)]


async def test_the_last_to_leave_ends_the_request() -> None:
    engine = Asked()
    engine.endless = True
    joining = Joining(engine, most=2)
    started = asyncio.Barrier(3)

    async def ask(seed: int) -> None:
        async with aclosing(joining.generate(request(seed=seed))) as pieces:
            async for _ in pieces:
                await started.wait()

    tasks = [asyncio.create_task(ask(seed)) for seed in (1, 2)]
    await started.wait()
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    assert not engine.closed.is_set()
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    assert engine.closed.is_set()


async def test_a_refusal_reaches_everybody_who_was_joined() -> None:
    async def refuse(_: ChatRequest) -> AsyncGenerator[Piece, None]:
        raise ModelError("no")
        yield Piece()

    joining = Joining(refuse, most=4)
    asked = [text_of(joining, request(seed=seed)) for seed in (1, 2)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in found] == ["no", "no"]


async def test_a_turnstile_closes_only_when_all_are_out() -> None:
    turnstile = Turnstile()
    events: list[str] = []
    inside, leave = asyncio.Event(), asyncio.Event()

    async def pass_through() -> None:
        async with turnstile.passing():
            inside.set()
            await leave.wait()
            events.append("out")

    async def close() -> None:
        async with turnstile.closed():
            events.append("closed")

    passing = asyncio.create_task(pass_through())
    await inside.wait()
    closing = asyncio.create_task(close())
    late = asyncio.create_task(pass_through())
    leave.set()
    await asyncio.gather(passing, closing, late)
    assert events == ["out", "closed", "out"]


async def test_a_room_is_shared_out_in_order_of_coming() -> None:
    room = Room(10)
    inside: list[str] = []
    leave = {name: asyncio.Event() for name in "abcd"}

    async def take(name: str, amount: int) -> None:
        async with room.taking(amount):
            inside.append(name)
            await leave[name].wait()

    tasks = [asyncio.create_task(take(name, amount)) for name, amount in (("a", 6), ("b", 99), ("c", 1), ("d", 1))]
    for name in "abcd":
        leave[name].set()
        await asyncio.gather(*tasks[: "abcd".index(name) + 1])
    assert inside == ["a", "b", "c", "d"]


def test_reads_what_a_gguf_file_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_gguf() + bytes(32))
    found = gguf_file.read(path)
    assert found.metadata == {"general.architecture": "llama"}
    assert found.shapes == {"w": (4, 2)}


@given(st.integers(0, 200))
def test_a_gguf_file_cut_anywhere_is_refused(length: int) -> None:
    content = tiny_gguf()
    with pytest.raises(ModelError, match=r"cut short|not a GGUF"):
        read_bytes(content[: length % len(content)])


@given(st.binary(max_size=200))
def test_no_bytes_make_the_gguf_reader_fail_otherwise(content: bytes) -> None:
    for head in (b"", b"GGUF\3\0\0\0", b"GGUF\3\0\0\0" + bytes(8) + b"\1" + bytes(7)):
        try:
            read_bytes(head + content)
        except ModelError as error:
            assert "\n" not in str(error)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="is missing: correct its path"):
        gguf_file.read(tmp_path / "none.gguf")


def read_bytes(content: bytes) -> gguf_file.GgufFile:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return gguf_file.read(Path(file.name))


def tiny_gguf() -> bytes:
    """Two keys, one of them an array; one tensor of 4 × 2 floats, whose data is left out."""

    def text(content: str) -> bytes:
        return struct.pack("<Q", len(content)) + content.encode()

    keys = text("general.architecture") + struct.pack("<I", 8) + text("llama")
    keys += text("list") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
    tensor = text("w") + struct.pack("<IQQIQ", 2, 4, 2, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + keys + tensor
