"""The `anthropic` back end against real servers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aid.config import AnthropicModel
from aid.errors import ModelError
from aid.models import make
from aid.models.backend import Message, Prompt
from aid.models.recording import Piece, Recording
from aid.models.replay_server import ReplayServer

Serve = Callable[..., Awaitable[ReplayServer]]
ServeRaw = Callable[..., Awaitable[str]]

PROMPT = Prompt(
    messages=(
        Message("system", "You edit code."),
        Message("user", "the tree"),
        Message("user", "fix it"),
        Message("assistant", "how?"),
        Message("user", ""),
        Message("user", "so"),
    ),
    format="udiff",
    max_tokens=99,
    temperature=1.5,
    stop=("END", "\n"),
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "verysecret-123456")


async def answer(url: str, **fields: Any) -> str:
    """What came: reasoning in brackets, the last chunk after a bar; or the error."""
    backend = make("m", AnthropicModel(base_url=url, model="big", **{"retries": 0, **fields}))
    said = ""
    try:
        async for chunk in backend.stream(PROMPT):
            said += (f"[{chunk.reasoning}]" if chunk.reasoning else "") + chunk.text
            if chunk.finish:
                said += f"|{chunk.finish} {chunk.prompt_tokens} {chunk.cached_tokens} {chunk.completion_tokens}"
    except ModelError as error:
        said += f"!{'retryable ' if error.retryable else ''}{error}"
    finally:
        await backend.close()
    return said.replace(url, "URL")


@pytest.mark.parametrize("whole", [False, True])
async def test_answers_with_thinking_apart_and_the_counts(serve: Serve, whole: bool) -> None:
    line = Recording(
        reasoning="hm",
        reply="let x = 1",
        finish="max_tokens",
        prompt_tokens=9,
        cached_tokens=5,
        completion_tokens=3,
        whole=whole,
    )
    server = await serve(line)
    assert await answer(server.url) == "[hm]let x = 1|length 9 5 3"


async def test_counts_that_can_not_be_meant_cost_no_answer(serve_raw: ServeRaw) -> None:
    content = b'"content":[{"type":"text","text":"good"}]'
    body = b'{"type":"message",' + content + b',"stop_reason":"end_turn","usage":{"input_tokens":-1}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert await answer(await serve_raw(head + body)) == "good|stop None None None"


async def test_sends_the_system_text_apart_and_merges_neighbours(serve: Serve) -> None:
    server = await serve(Recording(reply="ok", finish="end_turn"))
    assert await answer(server.url) == "ok|stop 0 0 0"
    seen = server.seen[0]
    mark = {"cache_control": {"type": "ephemeral"}}
    assert seen.path == "/v1/messages"
    assert (seen.headers["x-api-key"], seen.headers["anthropic-version"]) == ("verysecret-123456", "2023-06-01")
    assert seen.body == {
        "model": "big",
        "max_tokens": 99,
        "temperature": 1.0,
        "stream": True,
        "system": [{"type": "text", "text": "You edit code.", **mark}],
        "stop_sequences": ["END"],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "the tree"}, {"type": "text", "text": "fix it"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "how?", **mark}]},
            {"role": "user", "content": [{"type": "text", "text": "so"}]},
        ],
    }


OVERLOADED = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'


async def test_asks_an_overloaded_server_again(serve: Serve) -> None:
    at_once = Recording(status=529, headers={"Retry-After": "0"}, body=OVERLOADED)
    later = Recording(pieces=(Piece(raw=f"event: error\ndata: {OVERLOADED}\n\n"),))
    server = await serve(at_once, later, Recording(reply="ok", finish="end_turn"))
    assert await answer(server.url, retries=2) == "ok|stop 0 0 0"


async def test_does_not_ask_again_when_it_is_overloaded_in_the_middle(serve: Serve) -> None:
    steps = (Piece(text="half"), Piece(raw=f"event: error\ndata: {OVERLOADED}\n\n"))
    server = await serve(Recording(pieces=steps))
    assert await answer(server.url, retries=2) == "half!retryable URL answered 529: Overloaded; see the server's log"
    assert server.stats.requests == 1


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", "<title>Sign in</title>", "URL sent a web page called 'Sign in': is base_url a Messages API?"),
        ("application/json", '{"error": "no"}', "URL answered 200: no; check the model's settings in aid.toml"),
        ("text/event-stream", "data: {oops\n\n", "URL sent an answer of an unknown shape: is base_url a Messages API?"),
        ("text/event-stream", "", "retryable URL stopped in the middle of its answer: try again"),
        (
            "text/event-stream",
            'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"ha"}}\n\n',
            "retryable URL stopped in the middle of its answer: try again",
        ),
    ],
)
async def test_says_in_one_line_what_a_broken_server_did(serve_raw: ServeRaw, kind: str, body: str, said: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert (await answer(await serve_raw((head + body).encode()))).removeprefix("ha") == f"!{said}"


async def test_never_shows_its_key(serve: Serve) -> None:
    body = '{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key verysecret-123456"}}'
    server = await serve(Recording(status=401, body=body))
    assert await answer(server.url) == (
        "!URL answered 401: invalid x-api-key ***; set ANTHROPIC_API_KEY and restart the daemon"
    )
