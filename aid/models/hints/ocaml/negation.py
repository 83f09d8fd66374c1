"""OCaml: `not x = y` reads as `(not x) = y`; the comparison goes into parentheses."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import mismatch
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "not"
suffixes = (".ml",)

_COMPARED = re.compile(r"\s*(?:=|<>|<=?|>=?|==|!=)\s*(?:[\w.']+|\"[^\"]*\"|\([^()]*\))")
_NEGATED = re.compile(r"\bnot\s+([\w.']+\s*(?:=|<>|<=?|>=?|==|!=)\s*)$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None or found.expected != "bool":
        return
    negated = _NEGATED.search(source.text[: found.start])
    compared = _COMPARED.match(source.text, found.end)
    if negated:
        place = (negated.start(1), found.end)
    elif compared and re.search(r"\bnot\s+$", source.text[: found.start]):
        place = (found.start, compared.end())
    else:
        return
    text = f"({source.text[place[0] : place[1]]})"
    reason = f"the compiler reads `not` before the comparison: `not {text}`"
    yield Suggestion(replaced(source, *place, text), reason, 0.85)
