"""OCaml: "Did you forget to provide `()' as argument?"."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import argument, in_place, mismatch
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing ()"
suffixes = (".ml",)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None or "forget to provide `()' as argument" not in flat(diagnostic):
        return
    bound = list(re.finditer(rf"\blet {re.escape(found.text)} = [\w.']+(?=\s+in\b)", source.text[: found.start]))
    if bound:
        reason = f"the compiler asks whether `()` was forgotten: `{bound[-1][0]}` makes no call"
        yield Suggestion(replaced(source, bound[-1].end(), bound[-1].end(), " ()"), reason, 0.92)
    text = in_place(source, found, f"{argument(found.text)} ()")
    reason = f"the compiler asks whether `{found.text}` should be given `()`"
    yield Suggestion(replaced(source, found.start, found.end, text), reason, 0.9)
