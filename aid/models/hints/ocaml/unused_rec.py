"""OCaml warning 39: an unused `rec` goes."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "unused rec"
suffixes = (".ml",)

_LAST_REC = re.compile(r"\brec\s+(?!.*\brec\b)", re.DOTALL)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    if "unused rec flag" not in diagnostic.message:
        return
    start, _end = said_span(diagnostic, source.text)
    found = _LAST_REC.search(source.text[:start])
    if found:
        reason = "the compiler says that this definition doesn't call itself: `rec` goes"
        yield Suggestion(replaced(source, found.start(), found.end(), ""), reason, 0.95)
