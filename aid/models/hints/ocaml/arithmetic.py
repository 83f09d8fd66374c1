"""OCaml: `+` for `+.`, `1` for `1.` and the other way round, through the whole of an arithmetic expression.

OCaml 4.13 asks "Did you mean `1.'?" for a literal; for operators it only shows the two types.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from tree_sitter import Node

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import mismatch
from aid.models.hints.ocaml.tree import covering, span_of
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion, TextEdit
from ces.verdict import Diagnostic

name = "int or float"
suffixes = (".ml",)

_INT = re.compile(r"\d[\d_]*")
_WHOLE_FLOAT = re.compile(r"\d[\d_]*\.0*")
_SECTION = re.compile(r"\(\s*([-+*/])\s*\)")
_GO_THROUGH = ("infix_expression", "parenthesized_expression", "sign_expression")
_OPERATORS = {"+", "-", "*", "/", "+.", "-.", "*.", "/.", "<", ">", "<=", ">=", "=", "<>"}


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None:
        return
    section = _SECTION.fullmatch(found.text)
    if section and found.expected.startswith("float -> float"):
        edits = replaced(source, found.start, found.end, f"({section[1]}.)".replace("(*", "( *"))
        yield Suggestion(edits, f"the compiler expects floats: `({section[1]}.)`", 0.9)
    pair = (found.actual, found.expected)
    if pair == ("int", "float") and _INT.fullmatch(found.text):
        edits = replaced(source, found.start, found.end, f"{found.text}.")
        yield Suggestion(edits, f"the compiler asks whether `{found.text}` should be `{found.text}.`", 0.9)
    if pair == ("float", "int") and _WHOLE_FLOAT.fullmatch(found.text):
        literal = found.text.partition(".")[0]
        edits = replaced(source, found.start, found.end, literal)
        yield Suggestion(edits, f"the compiler expects an int: `{literal}`", 0.3)
    if pair in (("int", "float"), ("float", "int")):
        to_float = found.actual == "float"
        edits = tuple(_changed(source, chain(covering(source.text, found.start, found.end)), to_float))
        if any(edit.text[:1] in "+-*/" for edit in edits):
            reason = f"the compiler found {found.actual} where operators take {found.expected}: the operators change"
            yield Suggestion(edits, reason, 0.8 if to_float else 0.35)


def chain(node: Node) -> Node:
    """The widest arithmetic expression around `node` whose operands all have one type."""
    while node.parent is not None and (node.parent.type in _GO_THROUGH or node.parent.byte_range == node.byte_range):
        operator = node.parent.child_by_field_name("operator")
        if operator is not None and _text(operator) not in _OPERATORS:
            break
        node = node.parent
    return node


def _changed(source: SourceText, node: Node, to_float: bool) -> Iterator[TextEdit]:
    if node.type == "number":
        new = _literal(_text(node), to_float)
        if new:
            yield TextEdit(source.path, *span_of(source.text, node), new)
    if node.type not in _GO_THROUGH:
        return
    operator = node.child_by_field_name("operator")
    if operator is not None:
        written = _text(operator)
        if written not in _OPERATORS:
            return
        new = f"{written}." if to_float else written.rstrip(".")
        if written[0] in "+-*/" and written.endswith(".") != to_float:
            yield TextEdit(source.path, *span_of(source.text, operator), new)
    for child in node.named_children:
        yield from _changed(source, child, to_float)


def _literal(written: str, to_float: bool) -> str | None:
    if to_float:
        return f"{written}." if _INT.fullmatch(written) else None
    return written.partition(".")[0] if _WHOLE_FLOAT.fullmatch(written) else None


def _text(node: Node) -> str:
    return (node.text or b"").decode()
