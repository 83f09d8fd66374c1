"""OCaml: "Hint: Did you mean x, y or z?" for values, constructors, fields, modules, types, methods."""

import re
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.span import line_bounds, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import alternatives, flat
from ces.verdict import Diagnostic

name = "did you mean"
suffixes = (".ml", ".mli")

_HINT = re.compile(r"Hint: Did you mean (?!to use|`)(.+?)\?")
_WRONG = re.compile(
    r"Unbound (?:value|module type|module|constructor|record field|type constructor|class type|class|"
    r"instance variable) (\S+)"
    r"|There is no (?:constructor|field) (\S+) within|has no (?:method|field|constructor) (\S+)"
    r"|[Vv]ariable (\S+) must occur|does not allow tag\(s\) (\S+)"
)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    hint, wrong = _HINT.search(said), _WRONG.search(said)
    if hint is None or wrong is None:
        return
    written = next(group for group in wrong.groups() if group).split(".")[-1]
    place = _place(diagnostic, source, written)
    if place is None:
        return
    meant = sorted(alternatives(hint[1]), key=lambda other: _distance(written, other))
    reason = f"the compiler asks whether `{written}` should be"
    yield from corrections(source, [place], meant, reason, 0.9 if len(meant) == 1 else 0.55)


def _place(diagnostic: Diagnostic, source: SourceText, written: str) -> tuple[int, int] | None:
    """Where the name stands: in the range said, or (a method's) after it on its line."""
    start, end = said_span(diagnostic, source.text)
    word = re.compile(rf"(?<![\w']){re.escape(written)}(?![\w'])")
    _, line_end = line_bounds(source.text, end)
    found = word.search(source.text, start, end) or word.search(source.text, end, line_end)
    return found.span() if found else None


def _distance(written: str, other: str) -> tuple[int, float]:
    return DamerauLevenshtein.distance(written, other), -fuzz.ratio(written, other)
