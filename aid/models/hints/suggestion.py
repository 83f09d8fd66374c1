"""What a rule is and what it answers with. Data and one protocol.

diagnostic + sources ─Rule.propose─► Suggestion ─combine─► combinations ─backend─► SEARCH/REPLACE text
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from aid.models.backend import SourceText
from ces.verdict import Diagnostic


class TextEdit(msgspec.Struct, frozen=True):
    """Replace `text[start:end]` of the source called `path`; offsets count code points."""

    path: str
    start: int
    end: int
    text: str


class Suggestion(msgspec.Struct, frozen=True):
    """One way to mend one diagnostic. `confidence`, 0 to 1: how likely it is right; the build has the last word.

    `reason` is one line for the person and says whose idea it is ("the compiler asks: did you mean …"). `alone`: of
    all such suggestions for a file a combination takes one, for a parser goes astray after its first error.
    """

    edits: tuple[TextEdit, ...]
    reason: str
    confidence: float
    alone: bool = False


class Rule(Protocol):
    """A module (or any object) with these three. `suffixes`: the files whose diagnostics it understands."""

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def propose(
        self, diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText], /
    ) -> Iterable[Suggestion]:
        """Suggestions, in any order; none where the rule doesn't apply. Pure: no file, no clock, no state."""
        ...
