"""Words and places in TypeScript sources, for sources that needn't parse. Pure."""

import re

from aid.models.backend import SourceText
from aid.models.hints.span import said_span
from ces.verdict import Diagnostic

SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx")

_WORD = re.compile(r"[\w$]+")


def said_word(diagnostic: Diagnostic, source: SourceText) -> tuple[int, int] | None:
    """The word the diagnostic begins at: tsc prints where, not how far."""
    start, _ = said_span(diagnostic, source.text)
    found = _WORD.match(source.text, start)
    return found.span() if found else None


def occurrences(text: str, word: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(rf"(?<![\w$]){re.escape(word)}(?![\w$])", text)]
