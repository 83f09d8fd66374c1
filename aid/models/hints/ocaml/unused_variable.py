"""OCaml warnings 26, 27, 32, 35: an unused variable, value or loop index gets a `_` before its name."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.tree import ancestor, covering
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "unused variable"
suffixes = (".ml",)

_UNUSED = re.compile(r"\bunused (variable|for-loop index|value) ([a-z_][\w']*)")
_CONFIDENCE = {"variable": 0.9, "for-loop index": 0.9, "value": 0.6}


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _UNUSED.search(flat(diagnostic))
    if said is None:
        return
    kind, variable = said.groups()
    start, end = said_span(diagnostic, source.text)
    found = re.compile(rf"(?<![\w']){re.escape(variable)}(?![\w'])").search(source.text, start, end)
    if found is None:
        return
    text = _renamed(source.text, found.start(), variable)
    reason = f"the compiler says that `{variable}` is never used; a `_` before the name says so on purpose"
    yield Suggestion(replaced(source, *found.span(), text), reason, _CONFIDENCE[kind])


def _renamed(text: str, at: int, variable: str) -> str:
    """The pattern that binds nothing under the same label or field; else the name with its `_`."""
    if text[at - 1 : at] in ("~", "?") and text[at + len(variable) :].lstrip()[:1] != ":":
        return f"{variable}:_"
    field = ancestor(covering(text, at, at + len(variable)), ("field_pattern",))
    if field is not None and field.child_by_field_name("pattern") is None and field.named_child_count == 1:
        return f"{variable} = _"
    return f"_{variable}"
