"""TypeScript: `noUnusedLocals`, `noUnusedParameters`: an import or a plain variable goes, a parameter gets a `_`."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.span import line_bounds, replaced, said_span, without_line
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.typescript.imports import Import, imports, local
from aid.models.hints.typescript.words import SUFFIXES
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "unused"
suffixes = SUFFIXES

_UNUSED = re.compile(r"'([\w$]+)' is declared but (?:its value is )?never (?:read|used)")
_PURE = re.compile(r"[ \t]*(?:const|let|var)\s+[\w$]+(?:\s*:[^=;]+)?\s*(?:=\s*(?:[\w$.]+|\"[^\"]*\"|'[^']*'))?;?[ \t]*")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    start, _end = said_span(diagnostic, source.text)
    unused = _UNUSED.search(said)
    whole = next((each for each in imports(source.text) if each.start <= start <= each.end), None)
    if whole and (unused or "All imports in import declaration are unused" in said):
        reason = "the compiler says that this import is never used"
        yield _without_import(source, whole, unused[1] if unused else "", reason)
    elif unused:
        yield from _variable(source, start, unused[1])


def _without_import(source: SourceText, whole: Import, unused: str, reason: str) -> Suggestion:
    gone = next((each for each in whole.bound if local(each) == unused), None)
    if gone is None or len(whole.bound) == 1:
        return Suggestion(without_line(source, whole.start, whole.end), reason, 0.85)
    return Suggestion(replaced(source, *_part(whole, gone), ""), reason, 0.9)


def _part(whole: Import, gone: Token) -> tuple[int, int]:
    """`gone` with its comma: what the import binds besides stays as it is written."""
    if gone == whole.default:
        return gone.start, whole.rest[0]
    if gone == whole.whole or len(whole.names) == 1:
        return (whole.default.end if whole.default else whole.rest[0]), whole.rest[1]
    n = whole.names.index(gone)
    if n + 1 < len(whole.names):
        return gone.start, whole.names[n + 1].start
    return whole.names[n - 1].end, gone.end


def _variable(source: SourceText, start: int, unused: str) -> Iterable[Suggestion]:
    first, last = line_bounds(source.text, start)
    line = source.text[first:last]
    reason = f"the compiler says that `{unused}` is never used"
    declared = re.match(rf"\s*(?:const|let|var)\s+{re.escape(unused)}\b", line)
    if declared and _PURE.fullmatch(line):
        yield Suggestion(without_line(source, first, last), reason, 0.75)
    elif not declared and re.match(rf"{re.escape(unused)}(?![\w$])", source.text[start:]):
        yield Suggestion(replaced(source, start, start, "_"), f"{reason}; a `_` says so on purpose", 0.75)
