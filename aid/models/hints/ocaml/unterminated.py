"""OCaml: "String literal not terminated", "Comment not terminated": closed at the end of the line that opens it."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, replaced, span
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "not terminated"
suffixes = (".ml", ".mli")

_TRAILING = re.compile(r"(?:\s*(?:\)|\]|;|,|\bin\b|\bthen\b))*\s*$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    start, _end = span(source.text, diagnostic.range)
    _first, end = line_bounds(source.text, start)
    line = source.text[start:end].rstrip()
    if "String literal not terminated" in diagnostic.message:
        trailing = _TRAILING.search(line, 1)
        at = start + (trailing.start() if trailing else len(line))
        reason = "the compiler says that the string of this line has no end"
        yield Suggestion(replaced(source, at, at, '"'), reason, 0.6)
        if at != start + len(line):
            yield Suggestion(replaced(source, start + len(line), start + len(line), '"'), reason, 0.3)
    elif "Comment not terminated" in diagnostic.message:
        at = start + len(line)
        reason = "the compiler says that the comment of this line has no end"
        yield Suggestion(replaced(source, at, at, " *)"), reason, 0.6)
