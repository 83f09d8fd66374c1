"""The `openai` back end against real servers."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from aid.config import OpenAIModel
from aid.errors import ModelError
from aid.models import make
from aid.models.backend import Backend, Chunk, Message, Prompt
from aid.models.openai import OpenAIBackend
from aid.models.recording import Piece, Recording
from aid.models.replay_server import ReplayServer

Serve = Callable[..., Awaitable[ReplayServer]]
ServeRaw = Callable[..., Awaitable[str]]


def backend(base_url: str, **fields: Any) -> OpenAIBackend:
    made = make("m", OpenAIModel(base_url=base_url, model="small", **{"retries": 0, **fields}))
    assert isinstance(made, OpenAIBackend)
    return made


def prompt_of(text: str, **fields: Any) -> Prompt:
    return Prompt(messages=(Message("system", "You edit code."), Message("user", text)), format="udiff", **fields)


def http(
    body: bytes | str, status: str = "200 OK", kind: str = "text/event-stream", *, length: int | None = None
) -> bytes:
    """An HTTP/1.1 answer; `length` other than the body's own makes one that breaks off."""
    content = body.encode() if isinstance(body, str) else body
    size = len(content) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + content


async def answer(asked: Backend, prompt: Prompt | None = None) -> str:
    """What came, as text: reasoning in brackets, the last chunk's fields after a bar; or the error."""
    said = []
    try:
        async for chunk in asked.stream(prompt or prompt_of("hello")):
            said.append(shown(chunk))  # noqa: PERF401 - what came before an error counts
    except ModelError as error:
        said.append(f"!{'retryable ' if error.retryable else ''}{error}")
    finally:
        await asked.close()
    return "".join(said)


def shown(chunk: Chunk) -> str:
    counts = (chunk.prompt_tokens, chunk.cached_tokens, chunk.completion_tokens)
    last = (
        f"|{chunk.finish} {' '.join('-' if count is None else str(count) for count in counts)}" if chunk.finish else ""
    )
    return (f"[{chunk.reasoning}]" if chunk.reasoning else "") + chunk.text + last


async def test_streams_an_answer_its_reasoning_apart_and_the_counts(serve: Serve) -> None:
    line = Recording(
        reasoning="hm", reply="let x = 1", chunk_chars=4, prompt_tokens=9, cached_tokens=5, completion_tokens=3
    )
    server = await serve(line)
    assert await answer(backend(server.url)) == "[hm]let x = 1|stop 9 5 3"


async def test_takes_an_answer_in_one_json_body(serve: Serve) -> None:
    server = await serve(Recording(reply="<think>hm</think>\nx", whole=True, finish="length", completion_tokens=2))
    assert await answer(backend(server.url)) == "[hm]x|length 0 0 2"


async def test_splits_inline_reasoning_off(serve: Serve) -> None:
    server = await serve(Recording(reply="<think>so\nmuch</think>\n\nanswer <think>", chunk_chars=3))
    assert (await answer(backend(server.url))).replace("][", "") == "[so\nmuch]answer <think>|stop 0 0 0"


async def test_sends_what_the_prompt_says_and_nothing_it_does_not(serve: Serve) -> None:
    server = await serve(Recording(match="", reply="ok"))
    await answer(backend(server.url))
    asked = prompt_of("hi", seed=7, stop=("END",), grammar='root ::= "a"', max_tokens=5, temperature=0.0)
    await answer(backend(server.url, grammar=True), asked)
    messages = [{"role": "system", "content": "You edit code."}, {"role": "user", "content": "hello"}]
    first, second = (seen.body for seen in server.seen)
    assert first == {
        "model": "small",
        "messages": messages,
        "max_tokens": 1024,
        "temperature": 0.2,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert {name: second[name] for name in ("seed", "stop", "grammar", "max_tokens", "temperature")} == {
        "seed": 7,
        "stop": ["END"],
        "grammar": 'root ::= "a"',
        "max_tokens": 5,
        "temperature": 0.0,
    }


async def test_leaves_out_what_a_strict_server_refuses_and_remembers(serve: Serve) -> None:
    server = await serve(Recording(match="", reply="ok"), refuse=("stream_options", "seed"))
    asked = backend(server.url)
    async with aclosing(asked.stream(prompt_of("a", seed=1))) as chunks:
        assert [shown(chunk) async for chunk in chunks] == ["ok", "|stop - - -"]
    assert server.stats.requests == 3
    assert await answer(asked, prompt_of("b", seed=1)) == "ok|stop - - -"
    assert server.stats.requests == 4


async def test_names_the_limit_of_tokens_as_newer_servers_want_it(serve: Serve, serve_raw: ServeRaw) -> None:
    said = '{"error": {"message": "Unsupported parameter: \'max_tokens\'. Use \'max_completion_tokens\' instead."}}'
    good = http('{"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}', kind="application/json")
    url = await serve_raw(http(said, "400 Bad Request", "application/json"), good)
    asked = backend(url)
    assert await answer(asked) == "ok|stop - - -"
    assert "max_tokens" in asked._refused


async def test_keeps_its_connection_for_the_next_request(serve: Serve) -> None:
    server = await serve(Recording(match="", reply="ok"))
    asked = backend(server.url)
    connections = set()
    for _ in range(3):
        async for _ in asked.stream(prompt_of("again")):
            pass
        session = await asked._connection.session()
        assert session.connector is not None
        connections |= {id(protocol) for pool in session.connector._conns.values() for protocol, _ in pool}
    await asked.close()
    assert len(connections) == 1


@pytest.mark.parametrize("stop_by", ["cancelling", "closing"])
async def test_stopping_closes_the_connection_at_once(serve: Serve, stop_by: str) -> None:
    server = await serve(Recording(pieces=(Piece(text="first"), Piece(wait="never"), Piece(text="second"))))
    asked = backend(server.url)
    came = asyncio.Event()

    async def read() -> None:
        async with aclosing(asked.stream(prompt_of("hello"))) as chunks:
            async for _ in chunks:
                came.set()
                if stop_by == "closing":
                    return

    task = asyncio.create_task(read())
    await came.wait()
    if stop_by == "cancelling":
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    stats = await server.until(disconnects=1)
    assert (stats.requests, stats.answered, stats.running) == (1, 0, 0)
    await asked.close()


async def test_waits_as_told_and_asks_again(serve: Serve) -> None:
    busy = Recording(status=429, headers={"Retry-After": "0"}, body='{"error": {"message": "slow down"}}')
    server = await serve(busy, Recording(status=503), Recording(reply="ok"))
    assert await answer(backend(server.url, retries=3)) == "ok|stop 0 0 0"
    assert server.stats.requests == 3


async def test_does_not_ask_again_after_the_first_chunk(serve: Serve) -> None:
    server = await serve(Recording(pieces=(Piece(text="half"), Piece(wait="go"), Piece(drop=True))))
    server.release("go")
    said = await answer(backend(server.url, retries=3))
    assert said == f"half!retryable {server.url} closed the connection before its answer ended: see its log"
    assert server.stats.requests == 1


async def test_asks_again_where_a_kept_connection_was_dropped_before_any_answer(serve: Serve) -> None:
    server = await serve(Recording(pieces=(Piece(drop=True),)), Recording(reply="ok"))
    assert await answer(backend(server.url, retries=1)) == "ok|stop 0 0 0"


JSON = "application/json"
SSE = "text/event-stream"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (http("<html><title>Sign in</title>", kind="text/html"),
         "URL sent a web page called 'Sign in': is base_url right, is it a chat server?"),
        (http("<html><title>\nBad\ngateway</title>", "502 Bad Gateway", "text/html"),
         "retryable URL answered 502: a web page called 'Bad gateway'; see the server's log"),
        (http('{"error": {"message": "no such model"}}', "404 Not Found", JSON),
         "URL answered 404: no such model; check base_url and model"),
        (http('{"detail": [{"loc": ["body", "n"], "msg": "bad"}]}', "422 Unprocessable", JSON),
         'URL answered 422: [{"loc":["body","n"],"msg":"bad"}]; check the model\'s settings in aid.toml'),
        (http('{"error": {"message": "exceeds the context size (2048 tokens)"}}', "400 Bad Request", JSON),
         "URL answered 400: exceeds the context size (2048 tokens); lower context_tokens"),
        (http('{"error": {"message": "overloaded", "code": 503}}', kind=JSON),
         "retryable URL answered 503: overloaded; see the server's log"),
        (http('data: {"error": {"message": "out of memory", "code": 500}}\n\n'),
         "retryable URL answered 500: out of memory; see the server's log"),
        (http('event: error\ndata: worker died\n\n'),
         "URL answered 200: worker died; check the model's settings in aid.toml"),
        (http('{"object": "error", "message": "bad model"}', kind=JSON),
         "URL answered 200: bad model; check the model's settings in aid.toml"),
        (http('{"error": "just words"}', kind=JSON),
         "URL answered 200: just words; check the model's settings in aid.toml"),
        (http("{}", kind=JSON), "URL answered without choices: is it an OpenAI-compatible chat server?"),
        (http("data: {not json\n\n"),
         "URL sent an answer that isn't JSON: is base_url right, is it a chat server?"),
        (http('data: {"choices": 3}\n\n'),
         "URL sent an answer of an unknown shape (Expected `array | null`, got `int` - at `$.choices`)"),
        (http(b'data: "\xff"\n\n'), "URL sent text that isn't UTF-8 in its event stream"),
        (http(""), "retryable URL answered 200 with nothing in it: see its log"),
        (http(": only comments\n\n"), "retryable URL answered 200 with nothing in it: see its log"),
        (http('data: {"choices": [{"delta": {"content": "ha"}}]}\n\n'),
         "retryable URL stopped in the middle of its answer: see its log"),
        (http('data: {"choices": [{"delta": {"content": "ha"}}]}\n\n', length=999),
         "retryable URL closed the connection before its answer ended: see its log"),
        (b"", "retryable URL closed the connection before its answer ended: see its log"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "URL sent something that isn't HTTP: check base_url"),
        (http('{"x": ' + "[" * 100_000, kind=JSON),
         "URL sent an answer that isn't JSON: is base_url right, is it a chat server?"),
        (b"HTTP/1.1 307 Elsewhere\r\nLocation: http://elsewhere.test:1/v1?k=secret\r\nContent-Length: 0\r\n\r\n",
         "URL redirects to http://elsewhere.test:1/v1: set base_url to that"),
    ],
)  # fmt: skip
async def test_says_in_one_line_what_a_broken_server_did(serve_raw: ServeRaw, reply: bytes, said: str) -> None:
    url = await serve_raw(reply)
    assert (await answer(backend(url))).removeprefix("ha") == "!" + said.replace("URL", url)


@pytest.mark.parametrize(
    "counts",
    [
        b'"usage":{"prompt_tokens":-3,"completion_tokens":2}',
        b'"usage":{"prompt_tokens":9223372036854775808}',
        b'"usage":{"prompt_tokens":"three"}',
        b'"usage":[]',
        b'"timings":{"prompt_n":9223372036854775807,"cache_n":9223372036854775807}',
    ],
)
async def test_counts_that_can_not_be_meant_cost_no_answer(serve_raw: ServeRaw, counts: bytes) -> None:
    told = b'{"choices":[{"delta":{"content":"good"},"finish_reason":"stop"}],' + counts + b"}"
    url = await serve_raw(http(b"data: " + told + b"\n\ndata: [DONE]\n\n"))
    assert await answer(backend(url)) == "good|stop - - -"


async def test_survives_any_damage_to_a_stream(serve_raw: ServeRaw) -> None:
    """Bytes of a good answer lost, doubled and changed: chunks or one error come of it, and nothing else."""
    chance = random.Random(7)
    good = (
        b'data: {"choices":[{"index":0,"delta":{"content":"<think>a</think>b"},"finish_reason":null}]}\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}\n\ndata: [DONE]\n\n'
    )
    damaged = []
    for _ in range(300):
        body = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body))
            body[at : at + chance.randint(0, 3)] = chance.choice([b"", b"\n", b"\xff", b"{", b"null", b"3", b'"', b"<"])
        damaged.append(http(bytes(body)))
    url = await serve_raw(*damaged)
    ends = {(await answer(backend(url)))[-120:].partition("!")[1] for _ in damaged}
    assert ends == {"", "!"}


async def test_says_that_nobody_listens() -> None:
    said = await answer(backend("http://127.0.0.1:1/v1"))
    assert said == "!retryable can't connect to http://127.0.0.1:1/v1 (connection refused): is it running?"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"first_token_timeout_s": 0.05}, "sent nothing in 0.05 s"),
        ({"timeout_s": 0.05}, "did not finish in 0.05 s"),
    ],
)
async def test_gives_up_on_a_silent_server(serve_raw: ServeRaw, fields: dict[str, float], said: str) -> None:
    url = await serve_raw(None)
    assert await answer(backend(url, **fields)) == f"!{url} {said}: raise timeout_s or ask a faster model"


async def test_gives_up_on_a_server_that_falls_silent_though_it_keeps_the_connection_alive(serve: Serve) -> None:
    steps = (Piece(text="first"), Piece(raw=": still here\n\n"), Piece(wait="never"))
    server = await serve(Recording(pieces=steps))
    said = await answer(backend(server.url, token_timeout_s=0.05))
    assert said == f"first!{server.url} fell silent for 0.05 s: raise timeout_s or ask a faster model"
    await server.until(disconnects=1)


async def test_sends_its_key_and_never_shows_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("THE_KEY", "verysecret-123456")
    caplog.set_level(0)
    said = '{"error": {"message": "Incorrect API key provided: verysecret-123456, also sk-abcdefghijkl"}}'
    server = await serve(Recording(match="", status=401, body=said))
    told = await answer(backend(server.url, api_key_env="THE_KEY"))
    assert server.seen[0].headers["Authorization"] == "Bearer verysecret-123456"
    assert told == (
        f"!{server.url} answered 401: Incorrect API key provided: ***, also ***; set THE_KEY and restart the daemon"
    )
    assert "verysecret" not in caplog.text


async def test_what_a_terminal_would_obey_in_a_servers_words_is_spelt_out(serve: Serve) -> None:
    said = '{"error": {"message": "no\\u001b]0;title\\u0007 \\u202emodel"}}'
    server = await serve(Recording(match="", status=400, body=said))
    told = await answer(backend(server.url))
    assert r"answered 400: no\x1b]0;title\x07 \u202emodel; " in told


async def test_says_which_variable_should_hold_the_key(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THE_KEY", raising=False)
    server = await serve(Recording(reply="never"))
    told = await answer(backend(server.url, api_key_env="THE_KEY"))
    assert told == "!there is no key: set THE_KEY and restart the daemon"
    assert server.stats.requests == 0


async def test_refuses_an_address_that_carries_a_password() -> None:
    with pytest.raises(ModelError) as refused:
        backend("https://user:hunter2@host.test/v1")
    assert "hunter2" not in str(refused.value)


async def test_asks_a_server_on_a_unix_socket(serve: Serve, short_dir: Path) -> None:
    server = await serve(Recording(reply="ok"), socket=short_dir / "s")
    assert await answer(backend(server.url)) == "ok|stop 0 0 0"


async def test_says_that_a_socket_is_missing(short_dir: Path) -> None:
    told = await answer(backend(f"unix:{short_dir}/none"))
    assert told == f"!retryable can't connect to {short_dir}/none (no such file or directory): is it running?"


async def test_goes_through_the_environments_proxy_but_not_to_this_machine(
    serve: Serve, serve_raw: ServeRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await serve(Recording(reply="direct"))
    good = '{"choices": [{"message": {"content": "by proxy"}, "finish_reason": "stop"}]}'
    proxy = (await serve_raw(http(good, kind=JSON))).removesuffix("/v1")
    monkeypatch.setenv("http_proxy", proxy)
    assert await answer(backend("http://models.test/v1")) == "by proxy|stop - - -"
    assert await answer(backend(here.url)) == "direct|stop 0 0 0"


async def test_counts_tokens_by_a_llama_server_once_it_is_known_to_be_one(serve: Serve) -> None:
    server = await serve(Recording(match="", reply="ok"), tokenize=True)
    asked = backend(server.url)
    first = await asked.count_tokens("let a = 12")
    probe = asked._tokenizer._probe
    assert probe is not None
    await probe
    assert (first, await asked.count_tokens("let a = 12")) == (5, 3)
    await asked.close()


async def test_estimates_tokens_where_no_tokenizer_can_be_asked(serve: Serve) -> None:
    server = await serve(Recording(match="", reply="ok"))
    asked = backend(server.url)
    counts = []
    for _ in range(2):
        counts.append(await asked.count_tokens("let a = 12"))
        assert asked._tokenizer._probe is not None
        await asked._tokenizer._probe
    assert counts == [5, 5]
    assert await backend("https://models.test/v1").count_tokens("") == 0
    await asked.close()


async def test_fifty_clients_of_twenty_requests_get_their_own_answers_and_cancelling_half_harms_no_other(
    serve: Serve,
) -> None:
    held = Recording(match="held", marker="#[a-z0-9.]+", pieces=(Piece(text="x"), Piece(wait="never")), times=10**6)
    echo = Recording(match="#", marker="#[a-z0-9.]+", reply="answer to {marker}", chunk_chars=3, times=10**6)
    server = await serve(held, echo)
    asked = backend(server.url)

    async def client(number: int) -> list[bool]:
        return [await one(f"#c{number}.{turn}") for turn in range(20)]

    async def one(marker: str) -> bool:
        text = "".join([chunk.text async for chunk in asked.stream(prompt_of(f"say {marker}"))])
        return text == f"answer to {marker}"

    async def stuck(number: int) -> None:
        async for _ in asked.stream(prompt_of(f"held #s{number}")):
            pass

    doomed = [asyncio.create_task(stuck(number)) for number in range(50)]
    clients = [asyncio.create_task(client(number)) for number in range(50)]
    await server.until(running=50)
    for task in doomed:
        task.cancel()
    assert all(all(right) for right in await asyncio.gather(*clients))
    await asyncio.gather(*doomed, return_exceptions=True)
    assert all(task.cancelled() for task in doomed)
    stats = await server.until(disconnects=50)
    assert stats.answered == 1000
    await asked.close()
