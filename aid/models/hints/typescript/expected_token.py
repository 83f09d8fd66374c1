"""TypeScript: "')' expected.", "',' expected." where a bracket, comma or semicolon is missing."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import CLOSERS, pieces, unclosed
from aid.models.hints.span import line_bounds, replaced, span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.typescript.words import PIECE, SUFFIXES
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "expected token"
suffixes = SUFFIXES

_EXPECTED = re.compile(r"^'([)\]},;:])' expected\.")
_STATEMENT = re.compile(r"(?:const|let|var|return|if|for|while|function|export|import|class|type|interface|throw)\b")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _EXPECTED.match(flat(diagnostic))
    if said is None:
        yield from _element(diagnostic, source)
        return
    start, _end = span(source.text, diagnostic.range)
    at = len(source.text[:start].rstrip())
    expected, confidence = said[1], 0.75
    stopped = source.text[start : start + 20].lstrip()
    opener = _unclosed_on_line(source.text, at)
    if expected == "," and opener and stopped[:1] in ("", ";", ")", "]", "}"):
        expected = CLOSERS[opener]
    elif expected == "," and _STATEMENT.match(stopped):
        expected = ";"
    elif expected == ";":
        confidence = 0.5
    if expected == "}" and not source.text[start:].strip():
        edits = replaced(source, len(source.text), len(source.text), "}\n")
        edits = edits if source.text.endswith("\n") else replaced(source, at, at, "\n}\n")
    else:
        edits = replaced(source, at, at, expected)
    yield Suggestion(edits, _reason(f"`{said[1]}`", f"`{expected}`"), confidence, alone=True)


def _reason(said: str, written: str) -> str:
    return f"the parser expects {said} here" + ("" if said == written else f"; {written} may be what is missing")


def _element(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    """`[;`: the parser wants an element where the list should end."""
    start, _end = span(source.text, diagnostic.range)
    opener = _unclosed_on_line(source.text, start)
    if opener and re.match(r"(?:Expression or comma|Argument expression|Expression) expected", flat(diagnostic)):
        closer = CLOSERS[opener]
        edits = replaced(source, start, start, closer)
        yield Suggestion(edits, _reason("an expression", f"`{closer}`"), 0.78, alone=True)


def _unclosed_on_line(text: str, at: int) -> str | None:
    """The innermost bracket that the line opens before `at` and doesn't close."""
    first, _ = line_bounds(text, at)
    stack = unclosed(pieces(PIECE, text, first, at))
    return stack[-1].text if stack else None
