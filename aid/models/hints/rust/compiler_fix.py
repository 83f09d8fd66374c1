"""Rust: what rustc suggests with places and text: `Diagnostic.fixes`."""

from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import span
from aid.models.hints.suggestion import Suggestion, TextEdit
from ces.verdict import Diagnostic

name = "rustc's suggestion"
suffixes = (".rs",)

_DOUBTFUL = ("todo!()", "unimplemented!()", "/*")


def propose(diagnostic: Diagnostic, _: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    texts = {source.path: source.text for source in sources}
    for n, fix in enumerate(diagnostic.fixes):
        if any(edit.file not in texts or any(word in edit.text for word in _DOUBTFUL) for edit in fix.edits):
            continue
        edits = tuple(TextEdit(edit.file, *span(texts[edit.file], edit.range), edit.text) for edit in fix.edits)
        confidence = (0.92 if fix.sure else 0.6) / (n + 1)
        yield Suggestion(edits, f"the compiler says: {fix.message}", confidence)
