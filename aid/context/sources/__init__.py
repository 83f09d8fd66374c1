"""The context sources. One file each; built-in ones are listed here, others come by the entry points `aid.context`.

An entry point names something that, called without arguments, makes a `Source`.
"""

import logging
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, runtime_checkable

from aid.context.piece import Ask, Piece
from aid.context.reader import Index, Reader
from aid.context.sources.attached import Attached
from aid.context.sources.diff import Diff
from aid.context.sources.errors import Errors
from aid.context.sources.mentions import Mentions
from aid.context.sources.named import Named
from aid.context.sources.related import RelatedFiles
from aid.context.sources.unsaved import Unsaved

log = logging.getLogger(__name__)

GROUP = "aid.context"


class Source(Protocol):
    """One kind of context. Kept for the daemon's life, asked by many requests at once."""

    name: str

    async def pieces(self, ask: Ask, reader: Reader) -> Sequence[Piece]:
        """What this source would show for `ask`, most important first. Must not block the event loop."""
        ...


@runtime_checkable
class Starting(Protocol):
    """A source that can begin before it is asked."""

    def start(self, root: Path, index: Index) -> None:
        """A request for `root` has come and will ask soon. Returns at once."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A source that has something to end with the daemon."""

    async def close(self) -> None: ...


def built_in() -> list[Source]:
    return [Named(), Attached(), Unsaved(), Errors(), Mentions(), RelatedFiles(), Diff()]


def all_sources() -> list[Source]:
    """The built-in sources and the installed ones; one that can't be loaded is logged and left out."""
    sources = built_in()
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            sources.append(entry.load()())
        except Exception:  # somebody else's code: the daemon goes on without it
            log.exception("context source %s (%s) can't be loaded", entry.name, entry.value)
    return sources
