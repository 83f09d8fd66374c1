"""The embedded model as a session sees it: the same for both engines, with the real default model."""

import asyncio
import os
import re
import stat
from contextlib import aclosing
from pathlib import Path

import pytest

from aid import paths
from aid.errors import ModelError, ModelMissing
from aid.models.backend import Message, Prompt
from aid.models.estimate import estimated_tokens
from aid.models.llama import LlamaBackend
from aid.models.worker.process import find, find_all, stop_workers

from .conftest import Make, answer, ask, decoding, gone, kill, write_adapter

pytestmark = pytest.mark.model

EDIT = r"""
root ::= "<<<<<<< SEARCH\n" line "=======\n" line ">>>>>>> REPLACE\n"
line ::= [ -~]{1,20} "\n"
"""


async def test_streams_pieces_then_the_counts(backend: LlamaBackend) -> None:
    chunks = [chunk async for chunk in backend.stream(ask("Tell a story.", max_tokens=6))]
    assert len(chunks) > 3
    assert all(chunk.finish is None for chunk in chunks[:-1])
    assert (chunks[-1].finish, chunks[-1].completion_tokens) == ("length", 6)
    assert chunks[-1].prompt_tokens is not None and chunks[-1].prompt_tokens > 20


async def test_both_engines_count_the_same_prompt_tokens(backend: LlamaBackend) -> None:
    _, last = await answer(backend, ask("hello"))
    assert last.prompt_tokens == 19


@pytest.mark.parametrize("temperature", [0.0, 1.0])
async def test_a_grammar_keeps_the_answer_well_formed(backend: LlamaBackend, temperature: float) -> None:
    prompt = ask("Mend this line: let x = = 1", grammar=EDIT, temperature=temperature, max_tokens=200, seed=3)
    text, last = await answer(backend, prompt)
    assert re.fullmatch(r"<<<<<<< SEARCH\n[ -~]{1,20}\n=======\n[ -~]{1,20}\n>>>>>>> REPLACE\n", text)
    assert last.finish == "stop"


async def test_a_grammar_that_means_nothing_is_one_line(backend: LlamaBackend) -> None:
    with pytest.raises(ModelError, match="grammar") as refused:
        await answer(backend, ask("hello", grammar="root ::= nowhere"))
    assert not refused.value.retryable and "\n" not in str(refused.value)


async def test_a_stop_text_ends_the_answer_and_is_left_out(backend: LlamaBackend) -> None:
    text, last = await answer(
        backend, ask("hello", grammar='root ::= "one two three four"', stop=("three",), max_tokens=50)
    )
    assert (text, last.finish) == ("one two ", "stop")


async def test_a_seed_repeats_an_answer_and_another_changes_it(backend: LlamaBackend) -> None:
    def sampled(seed: int) -> Prompt:
        return ask("Invent a name for a ship.", temperature=1.5, seed=seed)

    texts = [(await answer(backend, sampled(seed)))[0] for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


async def test_candidates_asked_for_together_share_their_prompt(backend: LlamaBackend) -> None:
    story = " ".join(f"item {number} is heavy;" for number in range(70))
    prompts = [ask(f"Sum up: {story}", temperature=1.5, seed=seed) for seed in (10, 11, 12)]
    answers = await asyncio.gather(*(answer(backend, prompt) for prompt in prompts))
    assert len({text for text, _ in answers}) == 3
    shared = sorted((last.cached_tokens or 0) / (last.prompt_tokens or 1) for _, last in answers)
    assert shared[0] < 0.5
    assert shared[1] > 0.9


async def test_requests_at_once_are_not_crossed(backend: LlamaBackend) -> None:
    names = [f"number-{number}" for number in range(12)]
    answers = await asyncio.gather(*(answer(backend, ask("Go.", grammar=f'root ::= "{name}"')) for name in names))
    assert [text for text, _ in answers] == names


async def test_closing_the_stream_stops_the_decoding(backend: LlamaBackend) -> None:
    before = await decoding(backend, False)
    prompt = ask("Write a very long story.", max_tokens=2000, grammar='root ::= [a-z ]+ "#"', temperature=1.0)
    async with aclosing(backend.stream(prompt)) as chunks:
        async for _ in chunks:
            break
    after = await decoding(backend, False)
    assert after["decodes"] - before["decodes"] < 100
    assert (await backend.health())["decodes"] == after["decodes"]


async def test_cancelling_the_task_stops_the_decoding_even_of_a_prompt(backend: LlamaBackend) -> None:
    story = " ".join(f"{number} bottles on the wall," for number in range(300))
    before = await decoding(backend, False)
    task = asyncio.create_task(answer(backend, ask(story, max_tokens=1000)))
    await decoding(backend, True)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    after = await decoding(backend, False)
    assert after["decodes"] - before["decodes"] < 8  # of 11 for the prompt alone


async def test_the_others_go_on_when_one_is_cancelled(backend: LlamaBackend) -> None:
    prompts = [ask("Go.", grammar=f'root ::= "{name}" [a-z]{{40}}', max_tokens=60) for name in "abcd"]
    tasks = [asyncio.create_task(answer(backend, prompt)) for prompt in prompts]
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert [found[0][:1] for found in answers if not isinstance(found, BaseException)] == ["a", "c", "d"]


async def test_a_next_turn_finds_its_prefix_though_others_came_between(backend: LlamaBackend) -> None:
    code = "\n".join(f"let value_{number} = {number} * 2" for number in range(25))
    first_turn = (Message("system", "You mend code."), Message("user", code))
    _, first = await answer(backend, Prompt(messages=first_turn, format="udiff", max_tokens=4))
    for number in range(3):
        await answer(backend, ask(f"Unrelated question {number} about the weather in spring?"))
    second_turn = (*first_turn, Message("assistant", "Done."), Message("user", "Again."))
    _, second = await answer(backend, Prompt(messages=second_turn, format="udiff", max_tokens=4))
    assert (first.cached_tokens or 0) < 20
    assert (second.cached_tokens or 0) > 0.9 * (first.prompt_tokens or 0)


async def test_adapters_are_switched_per_request(backend: LlamaBackend, adapter: Path) -> None:
    # A text the model is sure of: where two tokens are nearly as likely, another batch's rounding decides.
    sure = "Repeat exactly: one two three four five six seven eight nine ten"
    plain, adapted = ask(sure, max_tokens=4), ask(sure, max_tokens=4, adapter=str(adapter))
    alone = [(await answer(backend, prompt))[0] for prompt in (plain, adapted)]
    assert alone[0] != alone[1]
    mixed = await asyncio.gather(*(answer(backend, prompt) for prompt in (plain, adapted, plain, adapted)))
    assert [text for text, _ in mixed] == alone * 2
    in_turn = [(await answer(backend, prompt))[0] for prompt in (adapted, plain)]
    assert in_turn == alone[::-1]


@pytest.mark.parametrize(
    ("make_file", "said"),
    [
        (lambda path: path.write_bytes(b"PK\3\4 not this"), "is not a GGUF file"),
        (lambda path: path.write_bytes(b"GGUF\3\0\0\0" + bytes(4)), "cut short or damaged"),
        (lambda path: write_adapter(path, rows=64), "does not fit"),
        (lambda path: write_adapter(path, rows=576, architecture="gemma"), "is for a gemma model"),
        (lambda path: path.unlink(missing_ok=True), "missing"),
    ],
)
async def test_a_bad_adapter_is_refused_in_one_line(
    backend: LlamaBackend, tmp_path: Path, make_file: object, said: str
) -> None:
    bad = tmp_path / "bad.gguf"
    assert callable(make_file)
    make_file(bad)
    with pytest.raises(ModelError, match=said) as refused:
        await answer(backend, ask("hello", adapter=str(bad)))
    assert "\n" not in str(refused.value)
    assert (await answer(backend, ask("hello")))[0]


async def test_a_model_is_no_adapter(backend: LlamaBackend, model_file: Path) -> None:
    with pytest.raises(ModelError, match="is not a LoRA adapter"):
        await answer(backend, ask("hello", adapter=str(model_file)))


async def test_requests_that_fit_alone_but_not_together_are_all_answered(make: Make) -> None:
    backend = make(context_tokens=420, parallel=2)  # room for 525 tokens, rounded up to 768
    prompts = [ask(" ".join(f"{name}{number}" for number in range(122)), max_tokens=9) for name in ("a", "b", "c")]
    answers = await asyncio.gather(*(answer(backend, prompt) for prompt in prompts))
    assert all((last.prompt_tokens or 0) > 385 for _, last in answers)
    assert all(text for text, _ in answers)


async def test_a_prompt_longer_than_the_context_is_refused(backend: LlamaBackend) -> None:
    with pytest.raises(ModelError, match="context") as refused:
        await answer(backend, ask("word " * 9000))
    assert not refused.value.retryable


async def test_counts_tokens_of_many_texts_in_one_call(backend: LlamaBackend) -> None:
    texts = ["hello world", "", "let x = 1\n", "<|im_end|>", "naïve 🦀", "hello world"]
    counts = await backend.count_many(texts)
    assert counts == [await backend.count_tokens(text) for text in texts]
    assert counts[0] == 2 and counts[1] == 0 and counts[0] == counts[5]
    assert counts[3] > 1  # text of a control token is text


async def test_the_socket_is_the_users_alone(backend: LlamaBackend) -> None:
    worker = await backend.worker()
    assert stat.S_IMODE(worker.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(worker.socket.parent.stat().st_mode) == 0o700


async def test_a_later_daemon_finds_the_worker(make: Make) -> None:
    first = make()
    text, _ = await answer(first, ask("A prompt that is kept warm, is it?"))
    before = await first.worker()
    await first.close()
    second = make()
    again, last = await answer(second, ask("A prompt that is kept warm, is it?"))
    assert (await second.worker()).pid == before.pid == os.getsid(before.pid)
    assert again == text
    assert (last.cached_tokens or 0) > 20


async def test_a_crash_is_one_failed_request_and_one_new_worker(make: Make) -> None:
    one, other = make(), make()
    crashed = await one.worker()
    with pytest.raises(ModelError, match="died") as failed:
        async with aclosing(one.stream(ask("A long story.", max_tokens=2000, temperature=1.0))) as chunks:
            async for _ in chunks:
                await kill(crashed.pid)
    assert failed.value.retryable
    answers = await asyncio.gather(*(answer(backend, ask("hello")) for backend in (one, other, one)))
    assert len({text for text, _ in answers}) == 1
    assert (await one.worker()).pid == (await other.worker()).pid != crashed.pid


async def test_a_worker_left_alone_ends_itself(make: Make) -> None:
    backend = make(idle_s=0.3, context_tokens=512, parallel=1)
    worker = await backend.worker()
    await gone(worker.pid)
    assert find(worker.name) is None
    assert not worker.socket.exists()


async def test_what_a_dead_worker_left_is_recognised(make: Make) -> None:
    backend = make(context_tokens=512, parallel=1)
    worker = await backend.worker()
    await kill(worker.pid)
    # The number in a pid file nobody locks may be anybody's by now: ours, here.
    (paths.runtime_dir() / f"{worker.name}.pid").write_text(f"{os.getpid()}\n")
    assert worker.socket.exists()
    assert worker.name not in [running.name for running in find_all()]
    assert (await answer(backend, ask("hello", max_tokens=2)))[0]
    assert (await backend.worker()).pid not in (worker.pid, os.getpid())


async def test_stopping_ends_every_worker(make: Make) -> None:
    backend = make()
    worker = await backend.worker()
    assert worker.pid in [running.pid for running in find_all()]
    assert await asyncio.to_thread(stop_workers) >= 1
    await gone(worker.pid)
    assert find_all() == []
    assert (await answer(backend, ask("hello")))[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "is missing"), (b"not a model", "is not a GGUF file"), (b"GGUF\3\0\0\0\1", "cut short or damaged")],
)
async def test_a_model_file_that_is_none_is_one_line(
    make: Make, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=said) as refused:
        await answer(make(path=str(path)), ask("hello"))
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    assert isinstance(refused.value, ModelMissing) == (content is None)


async def test_a_model_file_cut_short_is_one_line(make: Make, model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    with model_file.open("rb") as whole:
        path.write_bytes(whole.read(20_000_000))
    with pytest.raises(ModelError, match="cut short or damaged"):
        await answer(make(path=str(path)), ask("hello"))


async def test_counting_without_a_model_is_an_upper_estimate(make: Make) -> None:
    backend = make(path="/nowhere/model.gguf")
    assert await backend.count_tokens("let x = 1") == estimated_tokens("let x = 1")
