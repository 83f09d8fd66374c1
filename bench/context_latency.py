"""How long building a request's context takes: a small workspace against one of 20,000 files, in turn, in one run.

Prints medians over `ROUNDS` requests each, every request with an edited prompt, an error that moves and, every third
time, unsaved text, so that not everything comes from a cache. Bars: 5 ms small, 25 ms with 20,000 files. Token counts
are the estimate that back ends without a tokenizer use. `--files N` sets the large one's size.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent))
from _context_workspace import make_workspace

from aid.context.build import ContextBuilder
from aid.context.index import WorkspaceIndex
from aid.context.piece import Ask
from aid.models.estimate import estimated_tokens
from aid.protocol import FileRef
from ces.verdict import Diagnostic, Range

ROUNDS = 60
SMALL_FILES = 40
BUDGET_TOKENS = 4000
BARS_MS = (5.0, 25.0)


class Buffer(msgspec.Struct, frozen=True):
    text: str


async def count(texts: Sequence[str]) -> list[int]:
    return [estimated_tokens(text) for text in texts]


def ask(root: Path, files: Sequence[Path], number: int) -> Ask:
    named, erring = files[number * 7 % len(files)], files[number * 11 % len(files)]
    changed = {named: Buffer(f"{named.read_text()}\nlet extra_{number} = 1\n")} if number % 3 == 0 else {}
    where = Range(10 + number % 40, 4, 10 + number % 40, 9)
    return Ask(
        root=root,
        prompt=f"fix `{erring.stem}_step_{number % 8}` in {erring.name}, attempt {number}",
        files=(FileRef(path=str(named.relative_to(root)), first=12, last=20),),
        documents=changed,
        diagnostics=(
            Diagnostic(file=str(erring.relative_to(root)), range=where, severity="error", message="unbound value"),
        ),
    )


async def timed(builder: ContextBuilder, index: WorkspaceIndex, files: Sequence[Path], number: int) -> float:
    one = ask(index.root, files, number)
    started = time.perf_counter()
    await builder.build(one, budget_tokens=BUDGET_TOKENS, count=count, index=index)
    return (time.perf_counter() - started) * 1000


async def main(large_files: int) -> int:
    with tempfile.TemporaryDirectory(prefix="aid") as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        indexes: list[WorkspaceIndex] = []
        for name, files in (("small", SMALL_FILES), ("large", large_files)):
            make_workspace(Path(folder, name), files)
            index = WorkspaceIndex(Path(folder, name))
            await index.start()
            await index.until_ready()
            indexes.append(index)
        sources = [sorted(index.root.rglob("*.ml")) for index in indexes]
        builder = ContextBuilder()
        times: list[list[float]] = [[], []]
        for number in range(ROUNDS):
            for which in (0, 1):
                times[which].append(await timed(builder, indexes[which], sources[which], number))
        await builder.close()
        for index in indexes:
            await index.close()
    medians = [statistics.median(one) for one in times]
    for name, one, median, bar in zip(("small", "large"), times, medians, BARS_MS, strict=True):
        worst = sorted(one)[int(0.95 * len(one))]
        print(f"{name}: median {median:.1f} ms, p95 {worst:.1f} ms; {median / bar:.2f} of the bar of {bar:g} ms")
    print(f"large / small: {medians[1] / medians[0]:.2f} ({large_files} files against {SMALL_FILES})")
    return 0 if all(median <= bar for median, bar in zip(medians, BARS_MS, strict=True)) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    sys.exit(asyncio.run(main(parser.parse_args().files)))
