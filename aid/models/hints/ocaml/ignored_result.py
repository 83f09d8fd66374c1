"""OCaml: a result nobody takes, before `;`: `List.iter` where `List.map` gives units, else `ignore`.

Never for a comparison, which was meant to set something, or a `result`, which may hold an error.
"""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import argument, mismatch
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "ignored result"
suffixes = (".ml",)

_MAP = re.compile(r"\b(List|Array|Option|Seq)\.map(?=i?\b)")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    found = mismatch(diagnostic, source)
    start, end = said_span(diagnostic, source.text)
    text = source.text[start:end]
    mapped = _MAP.search(text)
    if found and found.expected == "unit" and found.actual.startswith("unit ") and mapped:
        at = start + mapped.end() - len("map")
        reason = f"the compiler expects unit, and each element gives unit: `{mapped[1]}.iter`"
        yield Suggestion(replaced(source, at, at + len("map"), "iter"), reason, 0.9)
    if found and (found.actual == "bool" or found.actual.endswith(" result")):
        return
    if "left-hand side of a sequence" in said or "this expression should have type unit" in said:
        reason = "the compiler says that a result is not used; `ignore` says that this is meant"
        yield Suggestion(replaced(source, start, end, f"ignore {argument(text)}"), reason, 0.4)
