"""What a type error says: which expression, what type it has and what type it should have. Pure."""

import re

import msgspec

from aid.models.backend import SourceText
from aid.models.hints.ocaml.tree import covering, span_of
from aid.models.hints.span import said_span
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

_MISMATCH = re.compile(
    r"This expression has type (?P<actual>.+?) but an expression was expected of type (?P<expected>.+?)"
    r"(?= Hint:| because it is| Type .+ is not compatible| The type | The first | The second | These two |$)"
)
_ATOM = re.compile(r"[!]?[\w'.]+|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])+'|\(\)|\[\]")


class Mismatch(msgspec.Struct, frozen=True):
    """`text` is `source.text[start:end]`, the expression; the types are as the compiler prints them, on one line."""

    actual: str
    expected: str
    start: int
    end: int
    text: str


def mismatch(diagnostic: Diagnostic, source: SourceText) -> Mismatch | None:
    found = _MISMATCH.search(flat(diagnostic))
    if found is None:
        return None
    start, end = said_span(diagnostic, source.text)
    if start == end:
        return None
    return Mismatch(found["actual"], found["expected"], start, end, source.text[start:end])


def in_place(source: SourceText, found: Mismatch, call: str) -> str:
    """`call`, a function application, as it may stand in place of the expression: in parentheses as an argument."""
    node = covering(source.text, found.start, found.end)
    while node.parent is not None and span_of(source.text, node.parent) == (found.start, found.end):
        node = node.parent
    around = node.parent
    if around is None or around.type not in ("application_expression", "labeled_argument"):
        return call
    return call if around.child_by_field_name("function") == node else f"({call})"


def argument(expression: str) -> str:
    """`expression` as a function's argument: in parentheses, unless it is one already."""
    bracketed = re.fullmatch(r"\([^()]*\)|\[[^\[\]]*\]", expression, re.DOTALL)
    return expression if _ATOM.fullmatch(expression) or bracketed else f"({expression})"
