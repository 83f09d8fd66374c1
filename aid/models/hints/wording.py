"""Reading what a compiler says: its message as one line, and names that are nearly the one it doesn't know. Pure."""

import re
from collections.abc import Iterable

from rapidfuzz.distance import DamerauLevenshtein

from ces.verdict import Diagnostic

_LIST = re.compile(r",\s*|\s+or\s+")


def flat(diagnostic: Diagnostic) -> str:
    """The message with each run of blanks, newlines among them, as one space: compilers wrap their lines."""
    return " ".join(diagnostic.message.split())


def alternatives(listed: str) -> list[str]:
    """`x, y or z` as its parts."""
    return [part.strip("`'\" ") for part in _LIST.split(listed) if part.strip()]


def nearly(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The names one could have meant by `name`, nearest first: at most a third of its letters differ.

    A swap of two neighbours counts as one difference (Damerau 1964); a different case as none. Of two that are as
    near, the one with as many letters comes first.
    """
    allowed = max(1, len(name) // 3)
    found = []
    for other in sorted(set(known) - {name}):
        if abs(len(other) - len(name)) > allowed:
            continue
        distance = DamerauLevenshtein.distance(name.lower(), other.lower(), score_cutoff=allowed)
        if distance <= allowed and (len(name) > 2 or distance == 0):
            found.append((distance, abs(len(other) - len(name)), other))
    return [other for *_, other in sorted(found)[:limit]]
