"""A word that is wrong becomes one of those that may have been meant. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from aid.models.backend import SourceText
from aid.models.hints.suggestion import Suggestion, TextEdit


def corrections(
    source: SourceText, places: Sequence[tuple[int, int]], meant: Iterable[str], reason: str, confidence: float
) -> Iterator[Suggestion]:
    """One suggestion for each of `meant`, likeliest first, written at all of `places`; none without a place.

    The nth has an nth of the `confidence`; `reason` ends before the word, which follows it.
    """
    for n, other in enumerate(dict.fromkeys(meant)):
        if places:
            edits = tuple(TextEdit(source.path, start, end, other) for start, end in places)
            yield Suggestion(edits, f"{reason} `{other}`", confidence / (n + 1))
