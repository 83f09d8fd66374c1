"""OCaml: a value where an option, result, list, promise or lazy value of it is expected, and the other way round."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import argument, in_place, mismatch
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "wrapping"
suffixes = (".ml",)

_WRAPPERS = (
    (re.compile(r"(.+) option"), "Some {}", 0.8),
    (re.compile(r"\((.+?), .+\) result"), "Ok {}", 0.6),
    (re.compile(r"(.+) list"), "[{}]", 0.45),
    (re.compile(r"(.+) Lwt\.t"), "Lwt.return {}", 0.7),
    (re.compile(r"(.+) (?:lazy_t|Lazy\.t)"), "lazy {}", 0.7),
)
_FORCED = re.compile(r"(.+) (?:lazy_t|Lazy\.t)")
_SOME = re.compile(r"Some\s+(.+)", re.DOTALL)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None:
        return
    reason = f"the compiler expects {found.expected}, not {found.actual}"
    for kind, wrapper, confidence in _WRAPPERS:
        inner = kind.fullmatch(found.expected)
        if inner and (inner[1] == found.actual or (inner[1].startswith("'") and confidence > 0.5)):
            bracketed = "[" in wrapper
            text = wrapper.format(found.text if bracketed else argument(found.text))
            text = text if bracketed else in_place(source, found, text)
            yield Suggestion(replaced(source, found.start, found.end, text), f"{reason}: `{text}`", confidence)
    forced, some = _FORCED.fullmatch(found.actual), _SOME.fullmatch(found.text)
    if forced and forced[1] == found.expected:
        text = in_place(source, found, f"Lazy.force {argument(found.text)}")
        yield Suggestion(replaced(source, found.start, found.end, text), f"{reason}: `{text}`", 0.8)
    if some and found.actual.endswith(" option") and not found.expected.endswith(" option"):
        yield Suggestion(replaced(source, found.start, found.end, some[1]), f"{reason}: without `Some`", 0.4)
