"""TypeScript: a required property that an object lacks, where a variable of its name is at hand."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.typescript.words import SUFFIXES
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing property"
suffixes = SUFFIXES

_MISSING = re.compile(r"^Property '([\w$]+)' is missing in type '\{.*\}' but required in type")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    missing = _MISSING.search(flat(diagnostic))
    if missing is None:
        return
    start, _end = said_span(diagnostic, source.text)
    literals = list(re.finditer(r"\{([^{}]*?)(,?\s*)\}", source.text[start : line_bounds(source.text, start)[1]]))
    function = max(source.text.rfind("function", 0, start), source.text.rfind("=>", 0, start), 0)
    bound = re.search(rf"(?:const|let|var|[(,])\s*{re.escape(missing[1])}\s*[:=,)?]", source.text[function:start])
    if len(literals) == 1 and bound:
        at = start + literals[0].end(1)
        text = f", {missing[1]}" if literals[0][1].strip() else f" {missing[1]} "
        reason = f"the compiler misses property `{missing[1]}`, and a variable of that name is there"
        yield Suggestion(replaced(source, at, at, text), reason, 0.6)
