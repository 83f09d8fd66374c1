"""OCaml: "alert deprecated … Use X instead."."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "deprecated"
suffixes = (".ml",)

_USE = re.compile(r"\b[Uu]se ([\w./']+) instead")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    use = _USE.search(said)
    if use is None or "deprecated" not in f"{said} {diagnostic.code}":
        return
    start, end = said_span(diagnostic, source.text)
    module = source.text[start:end].rpartition(".")[0]
    meant = [each.removeprefix("Stdlib.") for each in use[1].rstrip(".").split("/")]
    best = next((each for each in meant if each.rpartition(".")[0] == module), meant[0])
    reason = f"the compiler says to use `{best}` in place of `{source.text[start:end]}`"
    yield Suggestion(replaced(source, start, end, best), reason, 0.85)
