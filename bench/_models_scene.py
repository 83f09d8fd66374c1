"""What the embedded model's benchmarks share: private workers with the default model, prompts never seen, clocks."""

import contextlib
import itertools
import os
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from aid.config import LlamaModel
from aid.models import default_model
from aid.models.backend import Chunk, Message, Prompt
from aid.models.llama import LlamaBackend
from aid.models.worker.process import stop_workers

ENGINES = ("xllamacpp", "llama-cpp-python")
_serial = itertools.count(random.SystemRandom().randrange(10**6))


@contextlib.contextmanager
def private_workers() -> Iterator[Path]:
    """The default model's file; workers started inside are nobody else's, and ended."""
    model = default_model.ensure()
    folder = Path(tempfile.mkdtemp(prefix="aid"))
    before = {name: os.environ.get(name) for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME")}
    os.environ |= dict.fromkeys(before, str(folder))
    try:
        yield model
    finally:
        stop_workers()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def backend(engine: str, model: Path) -> AsyncIterator[LlamaBackend]:
    made = LlamaBackend(engine, LlamaModel(path=str(model), engine=engine, timeout_s=600.0))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


def code(tokens: int) -> str:
    """About so many tokens of code that no cache has seen."""
    serial = next(_serial)
    return f"(* {serial} *)\n" + "".join(f"let item_{serial}_{n} = f {n}\n" for n in range(tokens // 18))


def prompt(*texts: str, **options: Any) -> Prompt:
    """`texts`: what the user and the model said in turn."""
    roles = itertools.cycle(("user", "assistant"))
    said = tuple(Message(role, text) for role, text in zip(roles, texts, strict=False))  # type: ignore[arg-type]
    messages = (Message("system", "You mend OCaml."), *said)
    return Prompt(messages=messages, format="search-replace", **({"max_tokens": 16, "temperature": 0.0} | options))


async def timed(asked: LlamaBackend, what: Prompt) -> tuple[float, float, Chunk]:
    """Seconds to the first piece, seconds from there to the end, and the last chunk."""
    started = time.perf_counter()
    first = None
    last = Chunk()
    async for chunk in asked.stream(what):
        first = first or time.perf_counter()
        last = chunk
    assert first is not None
    return first - started, time.perf_counter() - first, last


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return next(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmRSS"))


def cpu_s(pid: int) -> float:
    """CPU seconds of all the process's threads so far; proc(5), fields 14 and 15 of stat."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
