"""OCaml: "maybe you forgot a `;'", and a value that "is not a function" before the next line's statement."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.ocaml.tokens import tokens
from aid.models.hints.span import indent_at, line_bounds, replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing ;"
suffixes = (".ml",)

_SAID = re.compile(r"maybe you forgot a `;'|This is not a function; it cannot be applied")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    if not _SAID.search(flat(diagnostic)):
        return
    start, end = said_span(diagnostic, source.text)
    reason = "the compiler found too many arguments: the next line may be a statement of its own"
    previous = _before_next_statement(source.text, start, end)
    if previous is not None:
        yield Suggestion(replaced(source, previous.end, previous.end, ";"), reason, 0.85)
    elif re.match(r"[ \t]*\n[ \t]+\w", source.text[end:]):
        yield Suggestion(replaced(source, end, end, ";"), reason, 0.5)


def _before_next_statement(text: str, start: int, end: int) -> Token | None:
    """The token before the first line after the function that is indented no deeper than the function's."""
    depth = len(indent_at(text, start))
    previous: Token | None = None
    for token in tokens(text):
        if token.start >= end and previous is not None:
            line, _ = line_bounds(text, token.start)
            if line > previous.start and token.start - line <= depth:
                return previous if token.start - line == depth > 0 else None
        previous = token if token.end > start else previous
    return None
