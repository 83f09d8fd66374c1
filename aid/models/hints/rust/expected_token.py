"""Rust: a missing `;` between two statements on one line, which rustc only says by what it expected."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "expected token"
suffixes = (".rs",)

_EXPECTED = re.compile(r"^expected (?P<wanted>.+?), found ")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _EXPECTED.match(flat(diagnostic))
    if said is None or diagnostic.fixes or "`;`" not in said["wanted"]:
        return
    start, _end = said_span(diagnostic, source.text)
    at = len(source.text[:start].rstrip())
    yield Suggestion(replaced(source, at, at, ";"), "the compiler expects `;` before this", 0.7)
