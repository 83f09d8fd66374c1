"""Words and places in TypeScript sources, for sources that needn't parse. Pure."""

import re

from aid.models.backend import SourceText
from aid.models.hints.span import said_span
from ces.verdict import Diagnostic

SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx")

_EXPORT = (
    r"^export\s+(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?"
    r"(?:function\*?|const|let|var|class|interface|type|enum)\s+{}(?![\w$])"
)
PIECE = re.compile(
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/|[()\[\]{}]", re.DOTALL
)
"""A bracket, or a string or comment as a whole."""
_WORD = re.compile(r"[\w$]+")


def said_word(diagnostic: Diagnostic, source: SourceText) -> tuple[int, int] | None:
    """The word the diagnostic begins at: tsc prints where, not how far."""
    start, _ = said_span(diagnostic, source.text)
    found = _WORD.match(source.text, start)
    return found.span() if found else None


def exports(text: str, word: str) -> bool:
    """Whether a source declares and exports `word`, or lists it in an `export { … }`."""
    declared = _EXPORT.format(re.escape(word))
    listed = rf"^export\s+(?:type\s+)?\{{[^}}]*(?<![\w$]){re.escape(word)}(?![\w$])"
    return re.search(f"{declared}|{listed}", text, re.MULTILINE) is not None


def exports_default(text: str, word: str) -> bool:
    """Whether `word` is the source's default export; an importer may call it as it likes."""
    declared = r"(?:(?:async\s+)?(?:abstract\s+)?(?:function\*?|class|interface)\s+)?"
    return re.search(rf"^export\s+default\s+{declared}{re.escape(word)}(?![\w$.])", text, re.MULTILINE) is not None


def declares_type(text: str, word: str) -> bool:
    """Whether `word` is a type only, of which nothing is left at run time."""
    return (
        re.search(rf"^export\s+(?:declare\s+)?(?:interface|type)\s+{re.escape(word)}(?![\w$])", text, re.M) is not None
    )


def occurrences(text: str, word: str) -> list[tuple[int, int]]:
    """Where `word` stands as a name of its own: not `other.word`, but `...word`."""
    found = re.finditer(rf"(?<![\w$])(?:(?<=\.\.\.)|(?<!\.)){re.escape(word)}(?![\w$])", text)
    return [each.span() for each in found]
