"""The `llama` back end: a GGUF model in a worker process (aid.models.worker), asked by the OpenAI API on a unix socket.

The worker is started by the first request, found again by a later daemon, and started anew when it is gone. Closing
the back end leaves it running; `aid.models.worker.process.stop_workers` ends them all.
"""

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from aid.config import LlamaModel
from aid.errors import ModelError, ModelMissing
from aid.models import default_model
from aid.models.backend import Capabilities, Chunk, Prompt
from aid.models.chat import chat_body, chat_chunks
from aid.models.estimate import estimated_tokens
from aid.models.post import Call, Timeouts
from aid.models.retry import ServerError
from aid.models.worker.engine import ENGINES
from aid.models.worker.process import Running, WorkerSpec, find, find_or_start

MODULES = {"xllamacpp": "xllamacpp", "llama-cpp-python": "llama_cpp"}
INSTALL = {"xllamacpp": "pip install 'aid[llama]'", "llama-cpp-python": "pip install 'aid[llama-cpp]'"}
COUNTS_KEPT = 8192
LONG_TEXT = 4096  # characters; the counts of longer texts are kept by their hash


class LlamaBackend:
    """One per model and daemon. `idle_s`: seconds without a request after which a worker it starts ends itself."""

    def __init__(self, name: str, settings: LlamaModel, *, idle_s: float | None = None) -> None:
        self.name = name
        self.capabilities = Capabilities(
            grammar=True,
            adapters=True,
            local=True,
            parallel=settings.parallel,
            context_tokens=settings.context_tokens,
            format=settings.format or "search-replace",
        )
        self._settings = settings
        self._path = Path(settings.path).expanduser() if settings.path else None
        self._idle_s = idle_s or float(os.environ.get("AID_WORKER_IDLE_S", "1800"))
        self._spec: WorkerSpec | None = None
        self._starting: asyncio.Task[Running] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._session_socket: Path | None = None
        self._counts: dict[str | int, int] = {}

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Raises ModelError: `retryable` where the worker died under the request; the next one starts another."""
        worker = await self.worker()
        call = self._call(prompt)
        for last in (False, True):
            try:
                async with aclosing(chat_chunks(await self._connection(worker), call)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except ServerError as error:
                # It may have ended itself, idle for long, between our look and our call: nothing was asked of it yet.
                if last or not isinstance(error.__cause__, aiohttp.ClientConnectorError):
                    raise _explained(error, self.name, worker) from error
            worker = await self.worker()

    async def count_tokens(self, text: str) -> int:
        return (await self.count_many([text]))[0]

    async def count_many(self, texts: list[str]) -> list[int]:
        """Tokens of each text, in one call to the worker for all that weren't counted before.

        Where the worker can't be had, upper estimates: the request itself will say what is wrong.
        """
        keys = [text if len(text) < LONG_TEXT else hash(text) for text in texts]
        unknown = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._counts}
        if unknown:
            try:
                counts = await self._ask_counts(list(unknown.values()))
            except (ModelError, aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
                return [estimated_tokens(text) for text in texts]
            found = dict(zip(unknown, counts, strict=True))
            counted = [found[key] if key in found else self._counts[key] for key in keys]
            self._counts |= found
            for key in list(self._counts)[:-COUNTS_KEPT]:
                del self._counts[key]
            return counted
        return [self._counts[key] for key in keys]

    async def health(self) -> dict[str, Any]:
        """The worker's own account of itself (aid/models/worker/server.py). Starts one when there is none."""
        session = await self._connection(await self.worker())
        async with session.get("http://worker/health") as response:
            return dict(await response.json())

    async def worker(self) -> Running:
        """The worker, started when there is none. Many may wait for the same start."""
        if self._spec is not None:
            running = find(self._spec.name())
            if running is not None and running.socket.exists():
                return running
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        # Shielded: who cancels a request must not take the start away from the others.
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _start(self) -> Running:
        settings = self._settings
        self._spec = WorkerSpec(
            engine=_engine(settings.engine),
            model=self._path or await _default_model(),
            context_tokens=settings.context_tokens,
            parallel=settings.parallel,
            threads=settings.threads,
            idle_s=self._idle_s,
        )
        return await asyncio.to_thread(find_or_start, self._spec)

    def _started(self, task: "asyncio.Task[Running]") -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # seen, even if everybody who waited has left

    async def _connection(self, worker: Running) -> aiohttp.ClientSession:
        """A new connection per request: it costs nothing here, and closing it is what stops a generation."""
        if self._session is not None and self._session_socket != worker.socket:
            await self._session.close()
            self._session = None
        if self._session is None:
            connector = aiohttp.UnixConnector(str(worker.socket), limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
            self._session_socket = worker.socket
        return self._session

    async def _ask_counts(self, texts: list[str]) -> list[int]:
        session = await self._connection(await self.worker())
        body = msgspec.json.encode({"texts": texts})
        async with session.post("http://worker/tokenize", data=body) as response:
            if response.status != 200:
                raise ModelError(f"model {self.name} can't count tokens (status {response.status})")
            return msgspec.json.decode(await response.read(), type=dict[str, list[int]])["counts"]

    def _call(self, prompt: Prompt) -> Call:
        body = chat_body(prompt, self.name, grammar=True)
        adapter = prompt.adapter or self._settings.adapter
        if adapter is not None:
            body["lora"] = str(Path(adapter).expanduser().resolve())
        limit_s = self._settings.timeout_s
        timeouts = Timeouts(first_token_s=limit_s, between_tokens_s=limit_s, total_s=limit_s)
        url = "http://worker/v1/chat/completions"
        return Call(url=url, body=body, timeouts=timeouts, server=f"model {self.name}")


def _engine(wanted: str | None) -> str:
    """The engine to use: `wanted`, else the first of ENGINES that is installed."""
    there = [name for name in ENGINES if importlib.util.find_spec(MODULES[name])]
    if wanted is None and there:
        return there[0]
    if wanted is None or wanted not in there:
        name = wanted or ENGINES[0]
        raise ModelMissing(f'the engine {name} is not installed: run "{INSTALL[name]}"')
    return wanted


async def _default_model() -> Path:
    """The default model's file, made when it isn't there yet: in a process of its own, for it takes 400 MB."""
    made = default_model.default_path()
    if default_model.is_made(made):
        return made
    maker = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "aid.models.default_model",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await maker.communicate()
    if maker.returncode != 0:
        told = err.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise ModelMissing(told[-1].removeprefix("aid: "))
    return Path(out.decode().strip())


def _explained(error: ServerError, name: str, worker: Running) -> ModelError:
    """A worker's failure in terms of the model: what it refused, or that it is gone and what to do."""
    if error.said and error.status is not None:
        return ModelError(f"model {name}: {error.said}", retryable=error.status >= 500)
    if error.status is None and error.retryable:
        return ModelError(f"the worker of model {name} died; ask again (its log: {worker.log})", retryable=True)
    return error
