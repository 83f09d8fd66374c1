"""OCaml: "Some record fields are undefined: x" where a variable x is at hand."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.tokens import item
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing field"
suffixes = (".ml",)

_UNDEFINED = re.compile(r"Some record fields are undefined: (.+)$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _UNDEFINED.search(flat(diagnostic))
    start, end = said_span(diagnostic, source.text)
    if said is None or source.text[end - 1 : end] != "}":
        return
    fields = said[1].split()
    before = item(source.text, start)
    bound = {token.text.lstrip("~?") for i, token in enumerate(before) if i == 0 or before[i - 1].text != "."}
    if not bound.issuperset(fields):
        return
    inner = source.text[start : end - 1].rstrip()
    at = start + len(inner)
    text = ("" if inner.endswith((";", "{")) else ";") + " " + "; ".join(fields)
    reason = f"the compiler misses {', '.join(f'`{field}`' for field in fields)}, and variables of that name are there"
    yield Suggestion(replaced(source, at, at, text), reason, 0.7)
