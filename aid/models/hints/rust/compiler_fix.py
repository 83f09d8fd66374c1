"""Rust: what rustc suggests with places and text: `Diagnostic.fixes`."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import span
from aid.models.hints.suggestion import Suggestion, TextEdit
from ces.verdict import Diagnostic, Fix

name = "rustc's suggestion"
suffixes = (".rs",)

_HIDES_A_TYPO = "you might be missing a type parameter"
"""A misspelt type as a type parameter compiles, and means nothing."""


def propose(diagnostic: Diagnostic, _: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    texts = {source.path: source.text for source in sources}
    usable = [fix for fix in diagnostic.fixes if all(edit.file in texts for edit in fix.edits)]
    written = {edit.text for fix in usable for edit in fix.edits}
    usable = [fix for fix in usable if fix.message != _HIDES_A_TYPO and not _twice(fix, written)]
    for n, fix in enumerate(usable):
        edits = tuple(TextEdit(edit.file, *span(texts[edit.file], edit.range), edit.text) for edit in fix.edits)
        confidence = (0.92 if fix.sure else 0.6) / (n + 1)
        yield Suggestion(edits, f"the compiler says: {fix.message}{_text(fix)}", confidence)


def _twice(fix: Fix, written: set[str]) -> bool:
    """Whether it imports from `core` or `alloc` what another fix imports from `std`."""
    return any(re.sub(r"^use (?:core|alloc)::", "use std::", edit.text) in written - {edit.text} for edit in fix.edits)


def _text(fix: Fix) -> str:
    """What it writes, where it is one piece: several imports differ in nothing else."""
    [piece, *others] = [edit.text.strip() for edit in fix.edits if edit.text.strip()] or [""]
    return f": `{piece}`" if piece and not others and "\n" not in piece else ""
