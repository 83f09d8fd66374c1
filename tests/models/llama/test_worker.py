"""The worker's HTTP side, as any OpenAI client sees it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aid.models.llama import LlamaBackend

from .conftest import INSTALLED, gone

pytestmark = pytest.mark.model

HELLO = {"messages": [{"role": "user", "content": "Name a colour."}], "max_tokens": 6}


@pytest.fixture
async def worker(backend: LlamaBackend) -> AsyncIterator[aiohttp.ClientSession]:
    socket = (await backend.worker()).socket
    connector = aiohttp.UnixConnector(str(socket))
    async with aiohttp.ClientSession("http://worker", connector=connector) as session:
        yield session


async def posted(worker: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    async with worker.post(path, json=body) as response:
        return response.status, await response.json()


async def test_answers_whole_with_usage(worker: aiohttp.ClientSession) -> None:
    status, found = await posted(worker, "/v1/chat/completions", HELLO)
    assert status == 200 and found["object"] == "chat.completion"
    choice = found["choices"][0]
    assert choice["message"]["role"] == "assistant" and choice["message"]["content"]
    assert choice["finish_reason"] in ("stop", "length")
    assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] + found["usage"]["completion_tokens"]


async def test_candidates_of_one_request_differ_and_count_their_prompt_once(worker: aiohttp.ClientSession) -> None:
    _, one = await posted(worker, "/v1/chat/completions", HELLO)
    _, found = await posted(worker, "/v1/chat/completions", HELLO | {"n": 4, "temperature": 2.0, "seed": 5})
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2, 3]
    assert len({choice["message"]["content"] for choice in found["choices"]}) > 1
    assert found["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": "hello"},
        HELLO | {"n": 0},
        HELLO | {"n": 50},
        HELLO | {"max_tokens": 0},
        HELLO | {"grammar": "root ::= ("},
        HELLO | {"grammar": 'leaf ::= "x"'},
        HELLO | {"lora": "/nowhere"},
        [],
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_means_nothing_is_answered_with_an_error(
    worker: aiohttp.ClientSession, body: Any, stream: bool
) -> None:
    sent = body | {"stream": stream} if isinstance(body, dict) else body
    status, found = await posted(worker, "/v1/chat/completions", sent)
    assert status == 400
    assert found["error"]["message"] and found["error"]["type"] == "invalid_request_error"


async def test_garbage_is_answered_and_harms_no_one(worker: aiohttp.ClientSession) -> None:
    async with worker.post("/v1/chat/completions", data=b"\xff{") as response:
        assert response.status == 400
    status, _ = await posted(worker, "/v1/chat/completions", HELLO)
    assert status == 200


async def test_names_its_model_and_engine(worker: aiohttp.ClientSession, model_file: Path, engine: str) -> None:
    async with worker.get("/v1/models") as response:
        assert (await response.json())["data"][0]["id"] == model_file.name
    async with worker.get("/health") as response:
        health = await response.json()
    assert (health["status"], health["engine"], health["model"]) == ("ok", engine, model_file.name)


async def test_shuts_down_when_told(worker: aiohttp.ClientSession, backend: LlamaBackend) -> None:
    running = await backend.worker()
    status, _ = await posted(worker, "/shutdown", {})
    assert status == 200
    await gone(running.pid)
    assert not running.socket.exists()
    assert (await backend.worker()).pid != running.pid


async def test_more_candidates_than_places_wait_their_turn(backend: LlamaBackend) -> None:
    socket = str((await backend.worker()).socket)
    async with aiohttp.ClientSession("http://worker", connector=aiohttp.UnixConnector(socket, limit=0)) as session:
        asked = [
            posted(session, "/v1/chat/completions", HELLO | {"grammar": f'root ::= "{number}."', "seed": number})
            for number in range(20)
        ]
        answers = await asyncio.gather(*asked)
    texts = [found["choices"][0]["message"]["content"] for _, found in answers]
    assert texts == [f"{number}." for number in range(20)]


@pytest.mark.skipif(len(INSTALLED) < 2, reason="one engine is not installed")
async def test_both_engines_understand_a_chat_alike(model_file: Path, home: Path) -> None:
    from aid.config import LlamaModel

    counted = []
    for engine in INSTALLED:
        backend = LlamaBackend("tiny", LlamaModel(path=str(model_file), engine=engine, context_tokens=4096))  # type: ignore[arg-type]
        connector = aiohttp.UnixConnector(str((await backend.worker()).socket))
        async with aiohttp.ClientSession("http://worker", connector=connector) as session:
            _, found = await posted(session, "/v1/chat/completions", HELLO)
        counted.append(found["usage"]["prompt_tokens"])
        await backend.close()
    assert counted[0] == counted[1]
