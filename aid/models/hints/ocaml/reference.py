"""OCaml: `!x` for the content of a reference, `:=` to set it, `<-` to set a field."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import Mismatch, argument, mismatch
from aid.models.hints.ocaml.tree import ancestor, covering, span_of
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "reference"
suffixes = (".ml",)

_CONDITION = re.compile(r"\b(?:if|while|when|not|&&|\|\|)\s*\(?\s*$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None:
        return
    if found.actual.endswith(" ref") and _fits(found.actual.removesuffix(" ref"), found.expected):
        content = "!" + argument(found.text)
        reason = f"the compiler found a reference to {found.expected}: `{content}` is what it holds"
        yield Suggestion(replaced(source, found.start, found.end, content), reason, 0.85)
    elif found.expected.endswith(" ref") and _fits(found.expected.removesuffix(" ref"), found.actual):
        yield from _not_a_reference(found, source)
    elif (found.actual, found.expected) == ("bool", "unit"):
        yield from _assignment(found, source)


def _fits(content: str, other: str) -> bool:
    return content == other or "'" in content or "'" in other


def _not_a_reference(found: Mismatch, source: SourceText) -> Iterable[Suggestion]:
    text = source.text
    if text[found.start - 1 : found.start] == "!":
        reason = f"the compiler says that `{found.text}` is no reference: `!` goes"
        yield Suggestion(replaced(source, found.start - 1, found.start, ""), reason, 0.9)
    left = re.search(r"(?P<name>[\w.']+)\s*(?P<equals>=)\s*$", text[: found.start])
    if left is None:
        return
    compared = ancestor(covering(text, left.start(), found.end), ("infix_expression",))
    operand = compared.child_by_field_name("left") if compared is not None else None
    if operand is None or span_of(text, operand) != left.span("name"):
        return
    asked = _CONDITION.search(text[: left.start()]) is not None
    reason = f"the compiler found a reference compared with {found.actual}"
    if not asked:
        set_ = replaced(source, left.start("equals"), left.end("equals"), ":=")
        yield Suggestion(set_, f"{reason}: `:=` sets it", 0.7)
    yield Suggestion(
        replaced(source, left.start(), left.start(), "!"), f"{reason}: `!` reads it", 0.8 if asked else 0.4
    )


def _assignment(found: Mismatch, source: SourceText) -> Iterable[Suggestion]:
    """A comparison whose result nobody wants was meant to set something."""
    node = ancestor(covering(source.text, found.start, found.end), ("infix_expression",))
    operator = node.child_by_field_name("operator") if node is not None else None
    left = node.child_by_field_name("left") if node is not None else None
    if operator is None or left is None or operator.text != b"=":
        return
    arrow = "<-" if left.type in ("field_get_expression", "array_get_expression") else ":="
    reason = f"the compiler found a comparison in place of a statement: `{arrow}` sets"
    yield Suggestion(replaced(source, *span_of(source.text, operator), arrow), reason, 0.8)
