"""What an edit is, before and after it has found its place. Data only.

reply ─parse─► Edit ─place─► Placed ─plan─► ces.change.FileChange
                 └─► Rejected ◄──┘
"""

from typing import Literal

import msgspec

from aid.config import EditFormat
from ces.change import FileChange

Format = EditFormat
Op = Literal["replace", "create", "delete", "rename", "write"]


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that can't be used, and why. `near` are one-based lines of the file where it may have been meant.

    `edit` is the refused piece of the reply, to be sent back to the model.
    """

    path: str | None
    reason: str
    near: tuple[int, ...] = ()
    edit: str = ""


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
