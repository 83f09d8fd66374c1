"""The values between the sources and the builder. Data only.

Ask ─sources─► Piece… ─budget─► Context ─► aid.prompts
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from aid.models.backend import SourceText
from aid.protocol import Attachment, FileRef, SourceUse
from ces.verdict import Diagnostic

Span = tuple[int, int]  # zero-based lines, [first, last)


class Place:
    """Where pieces stand in a prompt: what changes least comes first, so that a server's prefix cache hits."""

    MAP = 0
    FILES = 10
    SELECTED_FILE = 20
    UNSAVED = 30
    MENTIONED = 40
    ERRING = 50
    ALSO = 60
    DIFF = 70
    USES = 75
    ERRORS = 80
    ATTACHED = 85
    SELECTION = 90


class OpenText(Protocol):
    """An open document, as `aid.session.client.OpenDocument` is one."""

    @property
    def text(self) -> str: ...


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a context is built for. `documents` are the editor's open ones, by real path; their text is what counts.

    `patient`: the request has waited for other things (a build), and waits a moment for what is nearly there.
    """

    root: Path
    prompt: str
    files: tuple[FileRef, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    documents: Mapping[Path, OpenText] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    patient: bool = False


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Something to show. Sources fill in the first half.

    With `path`, `text` is that file's whole current text, `focus` the lines that matter most, `core` those among them
    that matter more than all others, and `whole` says that the rest is wanted too; pieces of one file from several
    sources become one. Without, `text` is cut from its end. An empty `text` without a path only says something to the
    person, in `title`. `weight` is the share of the room it gets when there isn't enough for all. `place` is one of
    `Place`.

    The builder fills in the rest: `text` as it is to be shown, `shown` (the lines of the file in it, empty: all),
    `tokens` with title and frame, and `cut_tokens`, what was left out.
    """

    source: str
    title: str
    text: str
    weight: int
    place: int
    path: str | None = None
    focus: tuple[Span, ...] = ()
    core: tuple[int, ...] = ()
    whole: bool = True
    shown: tuple[Span, ...] = ()
    tokens: int = 0
    cut_tokens: int = 0


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """`pieces` in prompt order, most stable first. `sources` are the files shown, whole or in part."""

    pieces: tuple[Piece, ...] = ()
    sources: tuple[SourceText, ...] = ()
    uses: tuple[SourceUse, ...] = ()
    tokens: int = 0
