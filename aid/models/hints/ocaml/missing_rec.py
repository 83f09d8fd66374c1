"""OCaml: "you should add the 'rec' keyword on line N"."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, line_start, replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing rec"
suffixes = (".ml",)

_HINT = re.compile(r"Unbound value (\S+) .*add the 'rec' keyword on line (\d+)")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _HINT.search(flat(diagnostic))
    if said is None:
        return
    start = line_start(source.text, int(said[2]) - 1)
    end = line_bounds(source.text, start)[1]
    binding = re.compile(rf"\blet\b(?=\s+{re.escape(said[1])}(?![\w']))").search(source.text, start, end)
    binding = binding or re.compile(r"\blet\b(?!\s+rec\b)").search(source.text, start, end)
    if binding:
        reason = f"the compiler says that `{said[1]}` calls itself and needs `rec`"
        yield Suggestion(replaced(source, binding.end(), binding.end(), " rec"), reason, 0.95)
