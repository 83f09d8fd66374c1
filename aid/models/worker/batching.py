"""Continuous batching over one llama.cpp context: many candidates decoded together, prompts shared, chats kept warm.

A sequence holds the tokens of one chat. An idle one keeps them until its place is needed, least recently used first, so
a chat's next turn finds its prefix however many other requests came between. A candidate whose prompt begins like any
sequence's, busy ones too, shares that memory instead of computing it again; while another one is still working on a
prefix both have, it waits. Adapters are per batch, so batches take turns between them.
"""

import itertools
from collections.abc import Callable
from typing import Any

from aid.errors import ModelError
from aid.models.worker.answer_text import AnswerText
from aid.models.worker.engine import Activity, ChatRequest, Piece, Usage
from aid.models.worker.llama_cpp_model import BATCH_TOKENS, Entry, LlamaCppModel, Sampler

WORTH_WAITING = 32  # tokens of common prefix, beyond what is ready already

Deliver = Callable[[Piece | BaseException], None]


class Candidate:
    """One answer being made. `leave` may be called from another thread; the rest belongs to the batching thread."""

    def __init__(self, request: ChatRequest, prompt: list[int], index: int, seed: int, deliver: Deliver) -> None:
        self.request = request
        self.tokens = list(prompt)  # the prompt, then the answer
        self.prompt_length = len(prompt)
        self.index = index
        self.seed = seed
        self.deliver = deliver
        self.adapter: Any | None = None
        self.text = AnswerText(request.stops)
        self.sampler: Sampler | None = None
        self.cached: int | None = None
        self.left = False

    def leave(self) -> None:
        self.left = True

    @property
    def made(self) -> int:
        return len(self.tokens) - self.prompt_length


class Sequence:
    """A place in the key-value cache: `tokens` are in it, computed under `adapter`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.tokens: list[int] = []
        self.adapter: Any | None = None
        self.candidate: Candidate | None = None
        self.used = 0

    def common(self, tokens: list[int], adapter: Any | None) -> int:
        """Tokens of `tokens` this holds. The last one is never counted: it must be decoded to know what follows."""
        return _common(self.tokens, tokens) if self.adapter is adapter else 0


class Batching:
    """Call `add` and `step` from one thread."""

    def __init__(self, model: LlamaCppModel, sequences: int, parallel: int, context_tokens: int) -> None:
        self._decodes = 0
        self._model = model
        self._sequences = [Sequence(number) for number in range(sequences)]
        self._parallel = parallel
        self._context_tokens = context_tokens
        self._waiting: list[Candidate] = []
        self._clock = itertools.count(1)
        self._adapter_in_use: Any | None = None
        self._crowded = False  # somebody had to make room: nobody else comes in until somebody is done

    @property
    def activity(self) -> Activity:
        return Activity(self._decodes, len(self._running()))

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running())

    def add(self, candidate: Candidate) -> None:
        self._waiting.append(candidate)

    def adapters_in_use(self) -> list[Any]:
        return [c.adapter for c in (*self._waiting, *(s.candidate for s in self._running())) if c is not None]

    def forget_adapter(self, adapter: Any) -> None:
        """What was computed under it is no longer good for anything."""
        for sequence in self._sequences:
            if sequence.adapter is adapter:
                self._cut(sequence, 0)
                sequence.adapter = None
        if self._adapter_in_use is adapter:
            self._model.use_adapter(None)
            self._adapter_in_use = None

    def step(self) -> None:
        """Decode one batch, and hand on what it gave."""
        self._waiting = [candidate for candidate in self._waiting if not candidate.left]
        for sequence in self._running():
            if sequence.candidate is not None and sequence.candidate.left:
                self._release(sequence)
        self._admit()
        running = self._running()
        if not running:
            return
        adapter = self._next_adapter(running)
        entries, ready = self._batch([sequence for sequence in running if sequence.adapter is adapter])
        if not self._model.decode(entries):
            self._make_room()
            return
        self._decodes += 1
        for entry in entries:
            self._sequences[entry.sequence].tokens.append(entry.token)
        for sequence, at in ready:
            self._continue(sequence, at)

    def fail(self, error: BaseException) -> None:
        """End everything with `error` and start afresh."""
        for candidate in self._waiting:
            candidate.deliver(error)
        self._waiting.clear()
        for sequence in self._sequences:
            if sequence.candidate is not None:
                sequence.candidate.deliver(error)
                self._release(sequence)
            sequence.tokens.clear()
        self._model.forget_all()

    def _running(self) -> list[Sequence]:
        return [sequence for sequence in self._sequences if sequence.candidate is not None]

    def _admit(self) -> None:
        for candidate in list(self._waiting):
            running = self._running()
            if len(running) >= self._parallel or (running and self._crowded):
                return
            best = max(self._sequences, key=lambda sequence: sequence.common(candidate.tokens, candidate.adapter))
            ready = best.common(candidate.tokens, candidate.adapter)
            if any(_coming(sequence, candidate) >= ready + WORTH_WAITING for sequence in running):
                continue
            self._waiting.remove(candidate)
            try:
                candidate.sampler = candidate.sampler or self._model.sampler(candidate.request, candidate.seed)
            except ModelError as error:
                candidate.deliver(error)
                continue
            self._seat(candidate, best, ready)

    def _seat(self, candidate: Candidate, best: Sequence, ready: int) -> None:
        """Give `candidate` a sequence that begins with the `ready` tokens it has in common with `best`."""
        idle = [sequence for sequence in self._sequences if sequence.candidate is None]
        continues = best.candidate is None and ready * 10 >= len(best.tokens) * 9
        if continues or idle == [best]:
            seat = best
            ready = ready if self._cut(seat, ready) else 0
        else:
            seat = min((sequence for sequence in idle if sequence is not best), key=lambda sequence: sequence.used)
            self._cut(seat, 0)
            if ready:
                self._model.share(best.number, seat.number, ready)
                seat.tokens = best.tokens[:ready]
        seat.adapter = candidate.adapter
        seat.candidate = candidate
        seat.used = next(self._clock)
        if candidate.cached is None:
            candidate.cached = ready

    def _cut(self, sequence: Sequence, length: int) -> bool:
        """Keep the first `length` tokens; False where the model can only forget all, which it then did."""
        kept = length == len(sequence.tokens) or self._model.forget(sequence.number, length)
        if not kept:
            self._model.forget(sequence.number, -1)
            length = 0
        del sequence.tokens[length:]
        return kept

    def _next_adapter(self, running: list[Sequence]) -> Any | None:
        """The adapter of whoever waited longest for a batch."""
        longest = min(running, key=lambda sequence: sequence.used)
        if longest.adapter is not self._adapter_in_use:
            self._model.use_adapter(longest.adapter)
            self._adapter_in_use = longest.adapter
        return longest.adapter

    def _batch(self, running: list[Sequence]) -> tuple[list[Entry], list[tuple[Sequence, int]]]:
        """Each one's next token; then, in what is left of the batch, prompts. With it: whose logits are where."""
        entries: list[Entry] = []
        ready: list[tuple[Sequence, int]] = []
        for sequence in sorted(running, key=_missing):
            sequence.used = next(self._clock)
            assert sequence.candidate is not None
            tokens, start = sequence.candidate.tokens, len(sequence.tokens)
            end = min(len(tokens), start + BATCH_TOKENS - len(entries))
            entries += [Entry(tokens[at], at, sequence.number, at == len(tokens) - 1) for at in range(start, end)]
            if end == len(tokens) and end > start:
                ready.append((sequence, len(entries) - 1))
        return entries, ready

    def _continue(self, sequence: Sequence, at: int) -> None:
        """Choose the token after batch entry `at` for the sequence's candidate, and hand its text on."""
        candidate = sequence.candidate
        assert candidate is not None and candidate.sampler is not None
        try:
            token = candidate.sampler.sample(at)
        except ModelError as error:
            candidate.deliver(error)
            self._release(sequence)
            return
        finish = "stop" if self._model.is_end(token) else None
        text = ""
        if finish is None:
            candidate.tokens.append(token)
            text = candidate.text.feed(self._model.piece(token))
            if candidate.text.stopped:
                finish = "stop"
            elif candidate.made >= candidate.request.max_tokens or len(candidate.tokens) >= self._context_tokens:
                finish = "length"
        if finish is None:
            if text:
                candidate.deliver(Piece(index=candidate.index, text=text))
            return
        text += candidate.text.close()
        usage = Usage(candidate.prompt_length, candidate.cached or 0, candidate.made)
        candidate.deliver(Piece(index=candidate.index, text=text, finish=finish, usage=usage))
        self._release(sequence)

    def _release(self, sequence: Sequence) -> None:
        """The candidate is done or gone; its tokens stay, for a next turn."""
        if sequence.candidate is not None and sequence.candidate.sampler is not None:
            sequence.candidate.sampler.close()
            sequence.candidate.sampler = None
        sequence.candidate = None
        self._crowded = False

    def _make_room(self) -> None:
        """Forget the chat that was idle longest; with none, the youngest candidate starts again when there is room."""
        idle = [sequence for sequence in self._sequences if sequence.candidate is None and sequence.tokens]
        if idle:
            self._cut(min(idle, key=lambda sequence: sequence.used), 0)
            return
        running = self._running()
        youngest = min(running, key=lambda sequence: sequence.candidate.made if sequence.candidate else 0)
        candidate = youngest.candidate
        assert candidate is not None
        youngest.candidate = None
        self._cut(youngest, 0)
        if len(running) == 1:
            candidate.deliver(ModelError("the answer outgrew the context: lower max_tokens or the prompt"))
        else:
            self._waiting.insert(0, candidate)
            self._crowded = True


def _common(held: list[int], tokens: list[int]) -> int:
    most = min(len(held), len(tokens) - 1)
    if held[:most] == tokens[:most]:
        return most
    return next(at for at in range(most) if held[at] != tokens[at])


def _coming(sequence: Sequence, candidate: Candidate) -> int:
    """Tokens `candidate` could share with a running one once that one's prompt is decoded; 0 when it is already."""
    other = sequence.candidate
    if other is None or sequence.adapter is not candidate.adapter or _missing(sequence) <= 1:
        return 0
    return _common(other.tokens, candidate.tokens)


def _missing(sequence: Sequence) -> int:
    """Tokens of the candidate not yet decoded: 1 while it answers, more while it is at its prompt."""
    return 0 if sequence.candidate is None else len(sequence.candidate.tokens) - len(sequence.tokens)
