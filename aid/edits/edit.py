"""What an edit is, before and after it has found its place. Data only.

reply ─parse─► Edit ─place─► Placed ─plan─► ces.change.FileChange
                 └─► Rejected ◄──┘
"""

from typing import Literal

import msgspec

from aid.config import EditFormat
from ces.change import FileChange

Format = EditFormat
Op = Literal["replace", "create", "delete", "rename", "write", "mode"]
How = Literal["exact", "whitespace", "indentation", "fuzzy"]


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a reply asks for. `op` says which of the other fields mean something.

        replace  `old` lines become `new` lines; with `old` empty the file must be missing or empty
        create   a file of `new` lines, which must not be there yet
        write    the whole file becomes `new` lines, whether it is there or not
        delete   the file goes; `old`, where the reply quotes it, must be what it holds
        rename   the file becomes `new_path`
        mode     the permission bits become `mode` (also on create)

    Lines have no newline; one that ends in a carriage return says so on purpose (the reply itself had plain
    newlines). Everything about positions is a claim of the model, not to be trusted:

    `kept` pairs indices of `old` and `new` lines a diff gives as context; None: equal lines are the context.
    `start` is the one-based line where `old` is said to begin, `headings` the lines said to stand above it (after
    `@@`), `at_end` that it ends the file; `append`: with `old` empty, `new` goes to the file's end. `final_newline`
    says whether the file ends with a newline afterwards, None: as it does now. `exact`: take the line ends of `new`
    as they are. `ordered`: the format has its edits of one file in the file's order. `raw` is the piece of the reply.
    """

    op: Op
    path: str
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    kept: tuple[tuple[int, int], ...] | None = None
    start: int | None = None
    headings: tuple[str, ...] = ()
    at_end: bool = False
    append: bool = False
    final_newline: bool | None = None
    exact: bool = False
    ordered: bool = False
    new_path: str | None = None
    mode: int | None = None
    raw: str = ""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that can't be used, and why. `near` are one-based lines of the file where it may have been meant.

    `edit` is the refused piece of the reply, to be sent back to the model.
    """

    path: str | None
    reason: str
    near: tuple[int, ...] = ()
    edit: str = ""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a replacement goes: lines `start` up to `end` (zero-based) of the document become `lines`.

    `lines` have no newline, save a carriage return where the document's own style wants one. `final_newline` None:
    as the document has it. `same`: the document already says what the edit wants.
    """

    edit: Edit
    start: int
    end: int
    lines: tuple[str, ...]
    how: How = "exact"
    final_newline: bool | None = None
    same: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is now: the exact bytes and its permission bits. Unsaved editor text comes as bytes too."""

    path: str
    content: bytes
    mode: int = 0o644


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the edits of one reply do, all or none.

    `changes` is complete only when `rejected` is empty; otherwise it holds what could be placed, so that only the
    refused part is asked for again. `unchanged` names files whose edits do nothing (no-op or already applied).
    """

    changes: tuple[FileChange, ...]
    rejected: tuple[Rejected, ...] = ()
    unchanged: tuple[str, ...] = ()
    diff: str = ""
