"""OCaml warning 33: an unused `open` goes."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span, without_line
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "unused open"
suffixes = (".ml", ".mli")

_UNUSED = re.compile(r"\bunused open!? ([\w.']+?)\.?(?:\s|$)")
_LOCAL = re.compile(r"let\s+open!?\s+[\w.']+\s+in\s*")
_LET = re.compile(r"\blet\s+$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _UNUSED.search(flat(diagnostic))
    if said is None:
        return
    start, end = said_span(diagnostic, source.text)
    reason = f"the compiler says that `open {said[1]}` is never used"
    local = _LOCAL.match(source.text, len(_LET.sub("", source.text[:start])))
    if local:
        yield Suggestion(replaced(source, *local.span(), ""), reason, 0.9)
    elif source.text.startswith("open", start):
        yield Suggestion(without_line(source, start, end), reason, 0.95)
