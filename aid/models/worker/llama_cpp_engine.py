"""The engine over llama-cpp-python: its C bindings, driven by one thread of ours that batches (batching.py).

The package's own `Llama` class serves one request at a time and keeps one prefix; only its bindings and its chat
template are used.
"""

import asyncio
import functools
import queue
import random
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from aid.errors import ModelError
from aid.models import gguf_file
from aid.models.worker.batching import Batching, Candidate
from aid.models.worker.engine import Activity, ChatRequest, EngineSettings, Piece
from aid.models.worker.llama_cpp_model import LlamaCppModel

CHATS_KEPT = 4  # idle sequences beside the parallel ones
ADAPTERS_KEPT = 8


class LlamaCppEngine:
    def __init__(self, settings: EngineSettings, file: gguf_file.GgufFile, model: LlamaCppModel) -> None:
        self._settings = settings
        self._file = file
        self._model = model
        self._format = Jinja2ChatFormatter(
            template=model.chat_template(), eos_token=model.control_text("eos"), bos_token=model.control_text("bos")
        )
        sequences = settings.parallel + CHATS_KEPT
        self._batching = Batching(model, sequences, settings.parallel, settings.context_tokens)
        self._adapters: dict[tuple[str, int, int], Any] = {}
        self._inbox: queue.SimpleQueue[list[Candidate] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
        self._thread.start()

    @classmethod
    async def load(cls, settings: EngineSettings) -> "LlamaCppEngine":
        file = await asyncio.to_thread(gguf_file.read, settings.model)
        model = await asyncio.to_thread(LlamaCppModel, settings, settings.parallel + CHATS_KEPT)
        return cls(settings, file, model)

    async def generate(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        prompt = await asyncio.to_thread(self._prompt, request)
        if request.lora is not None:
            await asyncio.to_thread(gguf_file.check_adapter, Path(request.lora), self._file)
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Piece | BaseException] = asyncio.Queue()
        deliver = functools.partial(_to_loop, loop, pieces)
        first_seed = random.getrandbits(31) if request.seed is None else request.seed
        candidates = [
            Candidate(request, prompt, index, (first_seed + index) & 0x7FFFFFFF, deliver) for index in range(request.n)
        ]
        self._inbox.put(candidates)
        unfinished = request.n
        try:
            while unfinished:
                piece = await pieces.get()
                if isinstance(piece, BaseException):
                    raise piece
                unfinished -= piece.finish is not None
                yield piece
        finally:
            for candidate in candidates:
                candidate.leave()

    async def count_tokens(self, texts: list[str]) -> list[int]:
        def counted() -> list[int]:
            return [len(self._model.tokenize(text, control=False)) for text in texts]

        return await asyncio.to_thread(counted)

    async def activity(self) -> Activity:
        return self._batching.activity

    async def close(self) -> None:
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)
        self._model.close()

    def _prompt(self, request: ChatRequest) -> list[int]:
        try:
            messages: Any = msgspec.to_builtins(request.messages)
            text = self._format(messages=messages).prompt
        except (jinja2.TemplateError, ValueError) as error:
            raise ModelError(f"the model's chat template refuses these messages: {error}") from error
        if self._model.adds_beginning:
            text = text.removeprefix(self._format.bos_token)
        prompt = self._model.tokenize(text, control=True)
        if len(prompt) >= self._settings.context_tokens:
            raise ModelError(
                f"request ({len(prompt)} tokens) exceeds the available context size "
                f"({self._settings.context_tokens} tokens)"
            )
        return prompt

    def _run(self) -> None:
        """The decoding thread: sleeps while there is nothing to do."""
        while True:
            try:
                while not self._batching.busy or not self._inbox.empty():
                    candidates = self._inbox.get()
                    if candidates is None:
                        self._batching.fail(ModelError("the model worker is stopping", retryable=True))
                        return
                    self._take(candidates)
                self._batching.step()
            except Exception as error:
                # Native code failed under the running requests; they get it, and later ones find an empty cache.
                self._batching.fail(error)

    def _take(self, candidates: list[Candidate]) -> None:
        try:
            adapter = self._adapter(candidates[0].request.lora)
        except (ModelError, OSError) as error:
            candidates[0].deliver(error)
            return
        for candidate in candidates:
            candidate.adapter = adapter
            self._batching.add(candidate)

    def _adapter(self, path: str | None) -> Any | None:
        """The adapter, loaded. A file that changed is another adapter."""
        if path is None:
            return None
        seen = Path(path).stat()
        key = (str(Path(path).resolve()), seen.st_mtime_ns, seen.st_size)
        if key not in self._adapters:
            self._adapters[key] = self._model.load_adapter(Path(path))
            self._free_unused()
        self._adapters[key] = self._adapters.pop(key)  # the last is the most recently used
        return self._adapters[key]

    def _free_unused(self) -> None:
        used = self._batching.adapters_in_use()
        for key in list(self._adapters)[:-1]:
            adapter = self._adapters[key]
            if len(self._adapters) > ADAPTERS_KEPT and not any(adapter is other for other in used):
                self._batching.forget_adapter(adapter)
                self._model.free_adapter(self._adapters.pop(key))


def _to_loop(
    loop: asyncio.AbstractEventLoop, pieces: asyncio.Queue[Piece | BaseException], piece: Piece | BaseException
) -> None:
    loop.call_soon_threadsafe(pieces.put_nowait, piece)
