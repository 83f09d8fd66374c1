"""OCaml: an argument that doesn't fit its conversion in a `printf` format: the conversion changes."""

import re
from collections.abc import Iterable, Sequence

from tree_sitter import Node

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import mismatch
from aid.models.hints.ocaml.tree import ancestor, covering, span_of
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "format string"
suffixes = (".ml",)

_CONVERSION = re.compile(r"%(?:[%!,@]|[-0+# ]*\d*(?:\.\d+)?([a-zA-Z]))")
_LETTERS = {"int": "d", "string": "s", "float": "g", "char": "c", "bool": "b"}


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None or found.actual not in _LETTERS:
        return
    call = ancestor(covering(source.text, found.start, found.end).parent, ("application_expression",))
    arguments = call.children_by_field_name("argument") if call is not None else []
    number = next((n for n, each in enumerate(arguments) if span_of(source.text, each) == (found.start, found.end)), 0)
    form = _format_before(arguments[:number])
    if form is None:
        return
    start, end = span_of(source.text, arguments[form])
    taking = [each for each in _CONVERSION.finditer(source.text, start, end) if each[1]]
    if number - form > len(taking):
        return
    conversion = taking[number - form - 1]
    letter = _LETTERS[found.actual]
    reason = f"the compiler expects {found.expected} for `{conversion[0]}`; `%{letter}` shows {found.actual}"
    yield Suggestion(replaced(source, *conversion.span(), f"%{letter}"), reason, 0.72)


def _format_before(arguments: Sequence[Node]) -> int | None:
    """Which argument is a literal with a conversion in it."""
    for n, each in enumerate(arguments):
        if each.type == "string" and b"%" in (each.text or b""):
            return n
    return None
