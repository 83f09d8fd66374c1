"""How often the embedded model's edits are well-formed and find their place, with the grammar and without it.

Claim: with it, all are well-formed and placed. Same prompts, seeds and token limit in turn; the model is the untrained
default one, so nothing here says that an edit is right.
"""

import asyncio
from pathlib import Path
from typing import get_args

from aid import edits
from aid.config import EditFormat, LlamaModel
from aid.edits import Document, Rejected
from aid.edits.grammar import Limits
from aid.models import make
from aid.models.backend import Backend, Prompt, SourceText
from aid.prompts import Section, compose

SAMPLES = 12
FILES = Path(__file__).parent.parent / "demo" / "ocaml" / "lib"
FORMATS = [fmt for fmt in get_args(EditFormat) if fmt != "whole"]  # whole files have nothing to quote
MAX_CHARS = 1536  # what a request of 512 tokens gives: aid/session/turn.py


async def sample(backend: Backend, prompt: Prompt) -> str:
    parts = [chunk.text async for chunk in backend.stream(prompt)]
    return "".join(parts)


def outcome(reply: str, fmt: EditFormat, sources: list[SourceText]) -> tuple[bool, bool]:
    """(well-formed, placed): every edit can be read, every edit has a place."""
    texts = {source.path: source.text for source in sources}
    found = edits.parse(reply, fmt)
    well_formed = not any(isinstance(each, Rejected) for each in found)
    plan = edits.plan(found, lambda path: Document(path=path, content=texts[path].encode()) if path in texts else None)
    return well_formed, well_formed and not plan.rejected


async def measure() -> None:
    backend = make("smollm2", LlamaModel(timeout_s=1800))
    names = ("inventory.ml", "report.ml")
    sources = [SourceText(path=f"lib/{name}", text=(FILES / name).read_text()) for name in names]
    sections = [Section("File", source.text, source.path) for source in sources]
    for fmt in FORMATS:
        messages = compose("Fix the build error in lib/inventory.ml", sections, fmt)
        for name, grammar in (("with", edits.grammar(fmt, sources, Limits.within(MAX_CHARS))), ("without", None)):
            prompts = [
                Prompt(
                    messages=messages,
                    format=fmt,
                    max_tokens=MAX_CHARS if grammar else MAX_CHARS // 3,
                    temperature=0.8,
                    seed=seed,
                    grammar=grammar,
                )
                for seed in range(SAMPLES)
            ]
            replies = await asyncio.gather(*(sample(backend, prompt) for prompt in prompts))
            counted = [outcome(reply, fmt, sources) for reply in replies]
            well_formed, placed = (sum(each[i] for each in counted) for i in (0, 1))
            print(
                f"{fmt:>15} {name:>7} grammar: {well_formed}/{SAMPLES} well-formed, {placed}/{SAMPLES} placed",
                flush=True,
            )
    await backend.close()


def main() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    main()
