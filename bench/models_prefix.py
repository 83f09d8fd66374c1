"""A second turn with the same 1,500-token prefix: time to first token against the first turn's. The bar: 5 times less.

    python bench/models_prefix.py [--rounds N]

Each round asks both embedded engines in turn: a prompt never seen, its next turn, an unrelated request, one more turn.
Medians of wall-clock seconds, their ratios, and how many prompt tokens each turn reused.
"""

import argparse
import asyncio
import statistics
from collections import defaultdict
from pathlib import Path

from _models_scene import ENGINES, backend, code, private_workers, prompt, timed

BAR = 5.0
PREFIX_TOKENS = 1500


async def turns(engine: str, model: Path, found: dict[str, list[float]]) -> None:
    async with backend(engine, model) as asked:
        prefix = code(PREFIX_TOKENS)
        first_s, _, first = await timed(asked, prompt(prefix))
        second_s, _, second = await timed(asked, prompt(prefix, "Done.", "Now the second line."))
        await timed(asked, prompt(code(300)))
        third_s, _, third = await timed(asked, prompt(prefix, "Done.", "Now the third line."))
    for name, value in (("first", first_s), ("second", second_s), ("third", third_s)):
        found[name].append(value)
    for name, chunk in (("first tokens", first), ("first cached", first), ("second cached", second)):
        counted = chunk.prompt_tokens if name.endswith("tokens") else chunk.cached_tokens
        found[name].append(float(counted or 0))
    found["third cached"].append(float(third.cached_tokens or 0))


async def run(rounds: int, model: Path) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {engine: defaultdict(list) for engine in ENGINES}
    for engine in ENGINES:
        async with backend(engine, model) as asked:
            await timed(asked, prompt("hello", max_tokens=1))
    for _ in range(rounds):
        for engine in ENGINES:
            await turns(engine, model, found[engine])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with private_workers() as model:
        found = asyncio.run(run(rounds, model))
    print(f"time to first token, medians of {rounds} rounds (bar: {BAR:.0f}x less)")
    for engine in ENGINES:
        middle = {name: statistics.median(values) for name, values in found[engine].items()}
        print(f"{engine}, prompt of {middle['first tokens']:.0f} tokens")
        print(f"  first turn                  {middle['first']:7.3f} s  {middle['first cached']:5.0f} reused")
        for name, what in (("second", "second turn"), ("third", "after an unrelated request")):
            ratio = middle["first"] / middle[name]
            reused = middle[f"{name} cached"]
            print(f"  {what:27} {middle[name]:7.3f} s  {reused:5.0f} reused  {ratio:5.1f}x less")


if __name__ == "__main__":
    main()
