"""llama.cpp's C interface, as llama-cpp-python binds it, with Python's types: one model, one context, many sequences.

Nothing here decides anything: which tokens go into a batch is batching.py's business. Not for use by two threads at
once, save `tokenize`, which only reads the vocabulary.
"""

import ctypes
import sys
from pathlib import Path
from typing import Any

import llama_cpp as llama
import numpy as np
import numpy.typing as npt

from aid.errors import ModelError
from aid.models.worker.engine import ChatRequest, EngineSettings

BATCH_TOKENS = 256
WARNING = 3  # ggml_log_level
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)


class Entry:
    """One token of a batch: where it goes, and whether what follows it is asked for."""

    __slots__ = ("position", "sequence", "token", "wanted")

    def __init__(self, token: int, position: int, sequence: int, wanted: bool) -> None:
        self.token = token
        self.position = position
        self.sequence = sequence
        self.wanted = wanted


class LlamaCppModel:
    def __init__(self, settings: EngineSettings, sequences: int) -> None:
        """Loads the model, with room for `sequences` chats. Raises ModelError when llama.cpp refuses the file."""
        self._log = llama.llama_log_callback(_log)  # kept: native code calls it for as long as the process lives
        llama.llama_log_set(self._log, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self._model = llama.llama_model_load_from_file(str(settings.model).encode(), llama.llama_model_default_params())
        if not self._model:
            raise ModelError(f"llama.cpp refuses {settings.model}: see the worker's log")
        self._vocabulary = llama.llama_model_get_vocab(self._model)
        self._context = llama.llama_init_from_model(self._model, _context_parameters(settings, sequences))
        if not self._context:
            raise ModelError(f"no memory for {settings.cells} tokens of context: lower context_tokens or parallel")
        self._memory = llama.llama_get_memory(self._context)
        self._batch = llama.llama_batch_init(BATCH_TOKENS, 0, 1)
        self._piece = ctypes.create_string_buffer(1024)
        self.vocabulary_size: int = llama.llama_vocab_n_tokens(self._vocabulary)
        self.adds_beginning: bool = llama.llama_vocab_get_add_bos(self._vocabulary)

    def chat_template(self) -> str:
        template = llama.llama_model_chat_template(self._model, None)
        if not template:
            raise ModelError("the model file has no chat template: choose a model made for chat")
        return str(template.decode())

    def control_text(self, which: str) -> str:
        """The text of the token that begins ("bos") or ends ("eos") a text; "" where the model has none."""
        token = getattr(llama, f"llama_vocab_{which}")(self._vocabulary)
        return "" if token < 0 else llama.llama_vocab_get_text(self._vocabulary, token).decode()

    def tokenize(self, text: str, *, control: bool) -> list[int]:
        """`control`: control tokens named in `text` are those tokens, and the model's own beginning is put before."""
        content = text.encode()
        room = len(content) + 2
        tokens = (llama.llama_token * room)()
        found = llama.llama_tokenize(self._vocabulary, content, len(content), tokens, room, control, control)
        return list(tokens[:found])

    def piece(self, token: int) -> bytes:
        length = llama.llama_token_to_piece(self._vocabulary, token, self._piece, len(self._piece), 0, False)
        return self._piece.raw[: max(0, length)]

    def is_end(self, token: int) -> bool:
        return bool(llama.llama_vocab_is_eog(self._vocabulary, token))

    def decode(self, entries: list[Entry]) -> bool:
        """At most BATCH_TOKENS of them. False: the key-value cache has no room; then nothing has changed."""
        batch = self._batch
        batch.n_tokens = len(entries)
        for at, entry in enumerate(entries):
            batch.token[at] = entry.token
            batch.pos[at] = entry.position
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = entry.sequence
            batch.logits[at] = entry.wanted
        status = llama.llama_decode(self._context, batch)
        if status not in (0, 1):
            raise ModelError(f"llama.cpp failed to decode ({status}): see the worker's log", retryable=True)
        return bool(status == 0)

    def forget(self, sequence: int, from_position: int) -> bool:
        """False: this kind of model can't forget an end alone; then nothing has changed."""
        return bool(llama.llama_memory_seq_rm(self._memory, sequence, from_position, -1))

    def forget_all(self) -> None:
        llama.llama_memory_clear(self._memory, True)

    def share(self, source: int, target: int, until_position: int) -> None:
        """`target`, empty so far, begins as `source` does; the two share that memory."""
        llama.llama_memory_seq_cp(self._memory, source, target, 0, until_position)

    def load_adapter(self, path: Path) -> Any:
        adapter = llama.llama_adapter_lora_init(self._model, str(path).encode())
        if not adapter:
            raise ModelError(f"llama.cpp refuses adapter {path}: see the worker's log")
        return adapter

    def free_adapter(self, adapter: Any) -> None:
        llama.llama_adapter_lora_free(adapter)

    def use_adapter(self, adapter: Any | None) -> None:
        """For the batches to come; None: the model alone."""
        if adapter is None:
            llama.llama_set_adapters_lora(self._context, None, 0, None)
        else:
            one = (llama.llama_adapter_lora_p_ctypes * 1)(adapter)
            llama.llama_set_adapters_lora(self._context, one, 1, (ctypes.c_float * 1)(1.0))

    def sampler(self, request: ChatRequest, seed: int) -> "Sampler":
        return Sampler(self._context, self._vocabulary, self.vocabulary_size, request, seed)

    def close(self) -> None:
        llama.llama_batch_free(self._batch)
        llama.llama_free(self._context)
        llama.llama_model_free(self._model)


class Sampler:
    """One candidate's choice of tokens: llama-server's default chain, and a grammar before it.

    The grammar is asked about the chosen token alone, and about the whole vocabulary only when it refuses that one.
    """

    def __init__(self, context: Any, vocabulary: Any, vocabulary_size: int, request: ChatRequest, seed: int) -> None:
        self._context = context
        self._size = vocabulary_size
        self._grammar: Any = None
        if request.grammar is not None:
            self._grammar = llama.llama_sampler_init_grammar(vocabulary, request.grammar.encode(), b"root")
            if not self._grammar:
                raise ModelError("the grammar can't be parsed as GBNF with a rule 'root'")
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for link in _links(request, seed):
            llama.llama_sampler_chain_add(self._chain, link)

    def sample(self, at: int) -> int:
        """The token after the batch's entry `at`, whose `wanted` was set."""
        token = int(llama.llama_sampler_sample(self._chain, self._context, at))
        if self._grammar is None:
            return token
        if not self._allows(token):
            token = self._sample_allowed(at)
        llama.llama_sampler_accept(self._grammar, token)
        return token

    def close(self) -> None:
        llama.llama_sampler_free(self._chain)
        if self._grammar is not None:
            llama.llama_sampler_free(self._grammar)

    def _allows(self, token: int) -> bool:
        one = np.array([(token, 1.0, 0.0)], dtype=_CANDIDATE)
        llama.llama_sampler_apply(self._grammar, ctypes.byref(_array(one)))
        return bool(np.isfinite(one["logit"][0]))

    def _sample_allowed(self, at: int) -> int:
        candidates = np.zeros(self._size, dtype=_CANDIDATE)
        candidates["id"] = np.arange(self._size, dtype=np.int32)
        logits = llama.llama_get_logits_ith(self._context, at)
        candidates["logit"] = np.ctypeslib.as_array(logits, shape=(self._size,))
        array = _array(candidates)
        llama.llama_sampler_apply(self._grammar, ctypes.byref(array))
        if not np.isfinite(candidates["logit"]).any():
            raise ModelError("the grammar allows no further token and no end: correct it")
        llama.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)


def _links(request: ChatRequest, seed: int) -> list[Any]:
    if request.temperature <= 0:
        return [llama.llama_sampler_init_greedy()]
    return [
        llama.llama_sampler_init_top_k(40),
        llama.llama_sampler_init_top_p(request.top_p, 1),
        llama.llama_sampler_init_min_p(0.05, 1),
        llama.llama_sampler_init_temp(request.temperature),
        llama.llama_sampler_init_dist(seed),
    ]


def _array(candidates: npt.NDArray[Any]) -> Any:
    data = ctypes.cast(candidates.ctypes.data, llama.llama_token_data_p)
    return llama.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)


def _context_parameters(settings: EngineSettings, sequences: int) -> Any:
    parameters = llama.llama_context_default_params()
    parameters.n_ctx = settings.cells
    parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
    parameters.n_seq_max = sequences
    parameters.n_threads = parameters.n_threads_batch = settings.threads
    parameters.kv_unified = True
    return parameters


def _log(level: int, text: bytes, _: Any) -> None:
    if level >= WARNING and level != 5:  # 5 continues a line that may have been left out
        sys.stderr.write(text.decode(errors="replace"))
        sys.stderr.flush()
