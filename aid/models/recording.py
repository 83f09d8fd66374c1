r"""Recorded replies: a JSON Lines file, and which line answers which prompt. Read here, played by `replay`.

A line is one object, a `Recording`. It is chosen for a prompt by the first of these that any line has:

    "prompt"    sha256 of the messages, as `prompt_hash` counts it
    "match"     a text that occurs in the messages ("" occurs in all)
    neither     the next such line, in the file's order

Each line answers once (`times`). When all that fit by "prompt" or "match" are spent, the last goes on answering; when
the ordered ones are spent, that is an error. With "marker", a regular expression, `{marker}` in the reply becomes
what it last matches in the messages (its group 1 if it has one), so that crossed replies show.

    {"match": "fix the typo", "reply": "…"}
    {"reply": "late", "pieces": [{"text": "la"}, {"wait": "go"}, {"text": "te"}]}
    {"match": "#", "marker": "#(\\d+)", "reply": "answer to {marker}"}
    {"status": 429, "headers": {"Retry-After": "1"}, "body": "{\"error\": {\"message\": \"slow down\"}}"}
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from aid.errors import ModelError
from aid.models.backend import Message


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step of an answer; one field is set. `wait` holds the rest until that name is released.

    `raw` is written as it is (over HTTP: between the events), `drop` breaks the connection off.
    """

    text: str = ""
    reasoning: str = ""
    wait: str | None = None
    raw: str | None = None
    drop: bool = False


class Recording(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line. `pieces` stand in place of `reasoning` and `reply`; `chunk_chars` cuts the reply into such pieces.

    `status` other than 200 refuses, with `headers` and `body`. `whole`: answered in one JSON body over HTTP even when
    a stream was asked for. `model` and `at` (seconds since the epoch) say where a recording came from.
    """

    reply: str = ""
    reasoning: str = ""
    prompt: str | None = None
    match: str | None = None
    marker: str | None = None
    times: int = 1
    pieces: tuple[Piece, ...] = ()
    chunk_chars: int | None = None
    finish: str = "stop"
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    status: int = 200
    headers: dict[str, str] = {}
    body: str = ""
    whole: bool = False
    model: str = ""
    at: float | None = None

    def steps(self) -> tuple[Piece, ...]:
        if self.pieces:
            return self.pieces
        size = self.chunk_chars or max(1, len(self.reply))
        thought = (Piece(reasoning=self.reasoning),) if self.reasoning else ()
        texts = (self.reply[start : start + size] for start in range(0, len(self.reply), size))
        return (*thought, *(Piece(text=text) for text in texts))


class Recordings:
    """The lines of a file and how often each has answered."""

    def __init__(self, lines: Iterable[Recording]) -> None:
        self._lines = tuple(lines)
        self._used: Counter[int] = Counter()

    def pick(self, messages: Iterable[Message]) -> Recording:
        """The recording for a prompt, its marker filled in; counted as used. Raises ModelError when there is none."""
        messages = tuple(messages)
        index = self._choose(prompt_hash(messages), "\n".join(message.content for message in messages))
        self._used[index] += 1
        return _filled(self._lines[index], messages)

    def _choose(self, digest: str, text: str) -> int:
        by_hash = self._those(lambda line: line.prompt == digest)
        by_text = self._those(lambda line: line.prompt is None and line.match is not None and line.match in text)
        for fitting in (by_hash, by_text):
            if fitting:
                found = self._unspent(fitting)
                return fitting[-1] if found is None else found
        found = self._unspent(self._those(lambda line: line.prompt is None and line.match is None))
        if found is None:
            raise ModelError(
                f"none of the {len(self._lines)} recorded replies is left for this prompt (sha256 {digest[:12]})"
            )
        return found

    def _those(self, fits: Callable[[Recording], bool]) -> list[int]:
        return [index for index, line in enumerate(self._lines) if fits(line)]

    def _unspent(self, indexes: list[int]) -> int | None:
        return next((index for index in indexes if self._used[index] < self._lines[index].times), None)


def read(path: Path) -> Recordings:
    """Raises ModelError naming the line that can't be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"can't read the recorded replies {path}: {error.strerror}") from error
    decode = msgspec.json.Decoder(Recording).decode
    lines = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                lines.append(decode(line))
            except msgspec.DecodeError as error:
                raise ModelError(f"{path}:{number} is no recorded reply: {error}") from error
    return Recordings(lines)


def prompt_hash(messages: Iterable[Message]) -> str:
    """sha256 in hex of the messages' roles and contents, as JSON without blanks: [["user","…"],…]."""
    pairs = [(message.role, message.content) for message in messages]
    return hashlib.sha256(msgspec.json.encode(pairs)).hexdigest()


def _filled(line: Recording, messages: tuple[Message, ...]) -> Recording:
    if line.marker is None:
        return line
    all_found = list(re.finditer(line.marker, "\n".join(message.content for message in messages)))
    if not all_found:
        raise ModelError(f"the prompt holds nothing like the recorded reply's marker {line.marker!r}")
    value = all_found[-1][1] if all_found[-1].re.groups else all_found[-1][0]
    return msgspec.structs.replace(
        line,
        reply=line.reply.replace("{marker}", value),
        pieces=tuple(
            msgspec.structs.replace(piece, text=piece.text.replace("{marker}", value)) for piece in line.pieces
        ),
    )
