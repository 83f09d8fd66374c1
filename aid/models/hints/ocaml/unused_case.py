"""OCaml warnings 11 and 12: a match case that can't be reached goes."""

from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.tree import ancestor, covering, span_of
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "unused case"
suffixes = (".ml",)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    if "this match case is unused" not in diagnostic.message:
        return
    start, end = said_span(diagnostic, source.text)
    case = ancestor(covering(source.text, start, end), ("match_case",))
    if case is None:
        return
    _start, case_end = span_of(source.text, case)
    bar = source.text.rfind("|", 0, start)
    if bar < 0 or source.text[bar + 1 : start].strip():
        return
    before = source.text[:bar].rstrip()
    reason = f"the compiler says that the case `{source.text[start:end]}` is never reached"
    yield Suggestion(replaced(source, len(before), case_end, ""), reason, 0.6)
