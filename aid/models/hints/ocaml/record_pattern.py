"""OCaml warnings 9 and 23: a record pattern that leaves fields out, a `with` that adds none."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "record fields"
suffixes = (".ml",)

_WITH = re.compile(r"\{\s*(.+?\s+with\s+)", re.DOTALL)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    start, end = said_span(diagnostic, source.text)
    text = source.text[start:end]
    if "add '; _' to the pattern" in said and text.endswith("}"):
        at = start + len(text[:-1].rstrip())
        added = " _" if text[:-1].rstrip().endswith(";") else "; _"
        reason = "the compiler says to add `; _` for the fields that are left out"
        yield Suggestion(replaced(source, at, at, added), reason, 0.9)
    useless = _WITH.match(text) if "the 'with' clause is useless" in said else None
    if useless:
        place = (start + useless.start(1), start + useless.end(1))
        yield Suggestion(replaced(source, *place, ""), "the compiler says that every field is given: `with` goes", 0.9)
