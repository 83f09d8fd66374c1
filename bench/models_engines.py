"""The two embedded engines on the same work: which one is the default is decided by this.

    python bench/models_engines.py [--rounds N]

Both run in turn in every round, with the default model and a worker of their own each. Medians of wall-clock and of the
worker's CPU seconds, and the ratio of the second engine to the first (above 1: the first takes less). On a busy machine
only the CPU's ratio means much. Prompts are new each time, so nothing is cached unless said.
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path

from _models_scene import ENGINES, backend, code, cpu_s, private_workers, prompt, resident_mb, timed
from msgspec.structs import replace

from aid.models.backend import Prompt
from aid.models.llama import LlamaBackend
from aid.models.worker.process import stop_workers

TOKENS = 64
WORDS = 'root ::= [a-z ]+ "#"'  # any number of words, and no end among the likely tokens
EDIT = 'root ::= "<<<<<<< SEARCH\\n" line+ "=======\\n" line+ ">>>>>>> REPLACE\\n"\nline ::= [ -~]{1,60} "\\n"\n'
Found = dict[str, tuple[float, float]]


async def measure(engine: str, model: Path) -> tuple[Found, float]:
    """Wall-clock and CPU seconds by what was done, and the worker's megabytes after it."""
    found: Found = {}
    async with backend(engine, model) as asked:
        started = time.perf_counter()
        await timed(asked, prompt("hello", max_tokens=1))
        pid = (await asked.worker()).pid
        found["start to first token"] = (time.perf_counter() - started, cpu_s(pid))
        found["prompt, 100 tokens"] = await per_100(asked, prompt(code(800), max_tokens=1), answer=False)
        story = prompt("Tell a long story.", max_tokens=TOKENS)
        found["answer, 100 tokens"] = await per_100(asked, story)
        by_words = prompt("Tell a long story.", max_tokens=TOKENS, grammar=WORDS)
        found["answer by a grammar of words, 100 tokens"] = await per_100(asked, by_words)
        edit = prompt(code(200), max_tokens=TOKENS, grammar=EDIT, temperature=0.8)
        found["answer by a grammar of edits, 100 tokens"] = await per_100(asked, edit)
        text = code(600)
        candidates = [prompt(text, max_tokens=32, temperature=0.8, seed=seed) for seed in range(4)]
        before, started = cpu_s(pid), time.perf_counter()
        await asyncio.gather(*(timed(asked, candidate) for candidate in candidates))
        found["4 candidates of a 600-token prompt"] = (time.perf_counter() - started, cpu_s(pid) - before)
        found["two chats in turn: a turn's first token"] = await in_turn(asked, pid)
        megabytes = resident_mb(pid)
    await asyncio.to_thread(stop_workers)
    return found, megabytes


async def per_100(asked: LlamaBackend, what: Prompt, *, answer: bool = True) -> tuple[float, float]:
    """Seconds for 100 tokens of the answer, without its prompt; or of the prompt."""
    if answer:
        await timed(asked, replace(what, max_tokens=1))
    pid = (await asked.worker()).pid
    before = cpu_s(pid)
    first_s, rest_s, last = await timed(asked, what)
    tokens = (last.completion_tokens if answer else last.prompt_tokens) or 1
    return (rest_s if answer else first_s) * 100 / tokens, (cpu_s(pid) - before) * 100 / tokens


async def in_turn(asked: LlamaBackend, pid: int) -> tuple[float, float]:
    chats = [[code(400)], [code(400)]]
    for chat in chats:
        await timed(asked, prompt(*chat, max_tokens=1))
    before = cpu_s(pid)
    waits = []
    for _ in range(3):
        for chat in chats:
            chat += ["Done.", "Now the next one."]
            first_s, _, _ = await timed(asked, prompt(*chat, max_tokens=1))
            waits.append(first_s)
    return statistics.median(waits), (cpu_s(pid) - before) / len(waits)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    found: dict[str, list[Found]] = {engine: [] for engine in ENGINES}
    megabytes: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    with private_workers() as model:
        for _ in range(rounds):
            for engine in ENGINES:
                seconds, resident = asyncio.run(measure(engine, model))
                found[engine].append(seconds)
                megabytes[engine].append(resident)
    print(f"medians of {rounds} rounds, in turn: {ENGINES[0]}, {ENGINES[1]}, ratio (above 1: the first takes less)")
    print(f"{'':42} {'wall-clock seconds':^26}   {'CPU seconds':^26}")
    for name in found[ENGINES[0]][0]:
        cells = []
        for kind in (0, 1):
            one, other = (statistics.median(taken[name][kind] for taken in found[engine]) for engine in ENGINES)
            cells.append(f"{one:9.3f} {other:9.3f} {other / one:6.2f}")
        print(f"{name:42} {'   '.join(cells)}")
    one, other = (statistics.median(megabytes[engine]) for engine in ENGINES)
    print(f"{'resident after all that, MB':42} {one:9.0f} {other:9.0f} {other / one:6.2f}")


if __name__ == "__main__":
    main()
