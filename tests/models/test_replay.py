"""Recorded replies, played in process and by a server of its own, and recorded."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aid.config import OpenAIModel, ReplayModel
from aid.errors import ModelError
from aid.models import make
from aid.models.backend import Backend, Message, Prompt
from aid.models.recording import prompt_hash
from aid.models.replay import Recorder, ReplayBackend


def prompt(text: str) -> Prompt:
    return Prompt(messages=(Message("user", text),), format="udiff")


def backend(path: Path, *lines: dict[str, Any]) -> ReplayBackend:
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n", "utf-8")
    made = make("recorded", ReplayModel(path=str(path)))
    assert isinstance(made, ReplayBackend)
    return made


async def said(asked: Backend, text: str) -> str:
    try:
        return "".join([chunk.text async for chunk in asked.stream(prompt(text))])
    except ModelError as error:
        return f"!{error}"


async def test_finds_a_reply_by_hash_then_by_text_then_by_order(tmp_path: Path) -> None:
    asked = backend(
        tmp_path / "r",
        {"reply": "first"},
        {"match": "typo", "reply": "by text"},
        {"prompt": prompt_hash(prompt("a typo").messages), "reply": "by hash"},
        {"reply": "second"},
    )
    texts = ["x", "a typo", "another typo", "y", "another typo"]
    assert [await said(asked, text) for text in texts] == ["first", "by hash", "by text", "second", "by text"]
    assert (await said(asked, "z")).startswith("!none of the 4 recorded replies is left for this prompt (sha256 ")


async def test_plays_several_replies_to_one_prompt_in_turn_and_the_last_for_good(tmp_path: Path) -> None:
    asked = backend(tmp_path / "r", {"match": "", "reply": "1", "times": 2}, {"match": "", "reply": "2"})
    assert [await said(asked, "x") for _ in range(5)] == ["1", "1", "2", "2", "2"]


async def test_echoes_the_last_marker_of_the_prompt(tmp_path: Path) -> None:
    asked = backend(tmp_path / "r", {"match": "#", "marker": r"#(\w+)", "reply": "to {marker}: {x}"})
    assert await said(asked, "#old then #new") == "to new: {x}"


async def test_holds_a_reply_until_it_is_released(tmp_path: Path) -> None:
    asked = backend(tmp_path / "r", {"pieces": [{"reasoning": "hm"}, {"text": "a"}, {"wait": "go"}, {"text": "b"}]})
    came = []
    async for chunk in asked.stream(prompt("x")):
        came.append(chunk.reasoning or chunk.text or chunk.finish)
        if chunk.text == "a":
            asyncio.get_running_loop().call_soon(asked.released["go"].set)
    assert came == ["hm", "a", "b", "stop"]


async def test_refuses_as_recorded(tmp_path: Path) -> None:
    asked = backend(tmp_path / "r", {"status": 503}, {"pieces": [{"text": "ha"}, {"drop": True}]})
    assert await said(asked, "x") == "!recorded answered 503, as recorded"
    assert await said(asked, "x") == "!recorded stopped in the middle of its answer, as recorded"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"reply": "a"}\n{"replay": "b"}\n', ":2 is no recorded reply: Object contains unknown field `replay`"),
        (b"\n\nnot json", ":3 is no recorded reply: JSON is malformed"),
    ],
)
async def test_names_the_line_it_cannot_read(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "r"
    path.write_bytes(content)
    assert why in await said(make("recorded", ReplayModel(path=str(path))), "x")


async def test_says_that_the_file_is_missing(tmp_path: Path) -> None:
    said_of_it = await said(make("recorded", ReplayModel(path=str(tmp_path / "none"))), "x")
    assert said_of_it == f"!can't read the recorded replies {tmp_path / 'none'}: No such file or directory"


async def test_plays_back_what_it_recorded(tmp_path: Path) -> None:
    source = backend(tmp_path / "r", {"match": "", "reasoning": "hm", "reply": "ü\n", "completion_tokens": 3})
    recorder = Recorder(source, tmp_path / "kept")
    assert [await said(recorder, text) for text in ("a", "b")] == ["ü\n", "ü\n"]
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    again = make("again", ReplayModel(path=str(tmp_path / "kept")))
    chunks = [chunk async for chunk in again.stream(prompt("b"))]
    assert [(chunk.reasoning, chunk.text, chunk.completion_tokens) for chunk in chunks] == [
        ("hm", "", None),
        ("", "ü\n", None),
        ("", "", 3),
    ]
    assert (await said(again, "c")).startswith("!none of the 2")


async def test_does_not_record_an_answer_that_was_stopped(tmp_path: Path) -> None:
    recorder = Recorder(backend(tmp_path / "r", {"reply": "abc", "chunk_chars": 1}), tmp_path / "kept")
    chunks = recorder.stream(prompt("a"))
    assert (await anext(chunks)).text == "a"
    await chunks.aclose()
    assert not (tmp_path / "kept").exists()


async def test_serves_from_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "r").write_text('{"match": "", "reply": "over HTTP"}\n', "utf-8")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aid.models.replay_server", "--replies", tmp_path / "r", "--port", "0",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        asked = make("m", OpenAIModel(base_url=f"http://127.0.0.1:{port}/v1", model="any"))
        assert await said(asked, "x") == "over HTTP"
        await asked.close()
    finally:
        server.terminate()
        assert await server.wait() == 0
