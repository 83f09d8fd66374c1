"""The real default model behind real workers: one per engine for the whole session, ended with it."""

import asyncio
import importlib.util
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from aid.config import LlamaModel
from aid.models import default_model
from aid.models.backend import Chunk, Message, Prompt
from aid.models.llama import MODULES, LlamaBackend
from aid.models.worker.process import stop_workers

INSTALLED = [name for name, module in MODULES.items() if importlib.util.find_spec(module)]
XDG = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")

Make = Callable[..., LlamaBackend]


@pytest.fixture(scope="session")
def own_dirs() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="aid"))
    yield root
    with pytest.MonkeyPatch.context() as patch:
        _redirect(patch, root)
        stop_workers()
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def model_file(own_dirs: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        _redirect(patch, own_dirs)
        return default_model.ensure()


@pytest.fixture
def home(own_dirs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _redirect(monkeypatch, own_dirs)
    return own_dirs


@pytest.fixture(params=INSTALLED or [pytest.param("none", marks=pytest.mark.skip("no engine is installed"))])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def make(engine: str, model_file: Path, home: Path) -> AsyncIterator[Make]:
    """`make(**settings)`: a back end of this engine; the same settings share one worker."""
    made: list[LlamaBackend] = []

    def new(idle_s: float = 600.0, **settings: Any) -> LlamaBackend:
        settings = {"path": str(model_file), "engine": engine, "context_tokens": 4096} | settings
        made.append(LlamaBackend("tiny", LlamaModel(**settings), idle_s=idle_s))
        return made[-1]

    yield new
    for backend in made:
        await backend.close()


@pytest.fixture
def backend(make: Make) -> LlamaBackend:
    return make()


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF LoRA of rank 4 that fits the default model and changes what it says."""
    path = tmp_path_factory.mktemp("adapter") / "tiny.gguf"
    write_adapter(path, rows=576)
    return path


def write_adapter(path: Path, *, rows: int, architecture: str = "llama") -> None:
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    for block in range(30):
        name = f"blk.{block}.ffn_down.weight"
        writer.add_tensor(f"{name}.lora_a", random.normal(0, 0.2, (4, 1536)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.normal(0, 0.2, (rows, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def ask(text: str, **options: Any) -> Prompt:
    messages = (Message("system", "You are brief."), Message("user", text))
    return Prompt(messages=messages, format="search-replace", **({"max_tokens": 12, "temperature": 0.0} | options))


async def answer(backend: LlamaBackend, prompt: Prompt) -> tuple[str, Chunk]:
    """The whole text, and the last chunk."""
    chunks = [chunk async for chunk in backend.stream(prompt)]
    return "".join(chunk.text for chunk in chunks), chunks[-1]


async def decoding(backend: LlamaBackend, wanted: bool) -> dict[str, Any]:
    """The worker's health once it is decoding, or no longer is: another process's state, so it is asked repeatedly."""
    while bool((health := await backend.health())["decoding"]) is not wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return health


async def gone(pid: int) -> None:
    """Until process `pid` has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process)
        os.close(process)


async def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await gone(pid)


def _redirect(patch: pytest.MonkeyPatch, root: Path) -> None:
    for variable in XDG:
        directory = root / variable.removeprefix("XDG_").lower()
        directory.mkdir(mode=0o700, exist_ok=True)
        patch.setenv(variable, str(directory))
