"""What a family of detectors is given and what it answers: the change under judgement, tricks, families. Data only."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from ces.change import FileChange
from ces.verdict import Flag

if TYPE_CHECKING:
    from ces.hacks.edited import Edited

Read = Callable[[str], bytes | None]
"""A file of a tree by its path; None: not there."""

Honest = Literal[
    "never", "custom", "close", "loaded", "added", "part", "body", "near", "file", "weak", "alone", "deleted", "tests",
    "context", "told",
]  # fmt: skip
"""Whether people's own changes do the same, and what it then is a part of: see `ces.hacks.sharing`."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A change to judge. `base` reads the tree it is made to (the task's broken state), `paths` are all its files.

    `reference` is the known good change to the same tree. `original` reads the green tree below the task's own
    breakage, where there is one.
    """

    changes: tuple[FileChange, ...]
    base: Read
    paths: frozenset[str]
    reference: tuple[FileChange, ...] | None = None
    original: Read | None = None


class Trick(msgspec.Struct, frozen=True):
    """A trick by the name its flags carry, and in a sentence. `honest` other than "never": good changes do it too."""

    name: str
    says: str
    honest: Honest = "never"


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Tricks that are found together. `find` reads a change and never runs anything."""

    name: str
    tricks: tuple[Trick, ...]
    find: "Callable[[Edited], Iterable[Flag]]"
