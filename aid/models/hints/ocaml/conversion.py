"""OCaml: a value of a basic type where another is expected is converted, or its literal written as the other."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.arithmetic import chain
from aid.models.hints.ocaml.mismatch import Mismatch, argument, in_place, mismatch
from aid.models.hints.ocaml.tree import ancestor, covering, span_of
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion, TextEdit
from ces.verdict import Diagnostic

name = "conversion"
suffixes = (".ml",)

_FUNCTIONS = {
    ("int", "string"): ("string_of_int", 0.7),
    ("float", "string"): ("string_of_float", 0.7),
    ("bool", "string"): ("string_of_bool", 0.7),
    ("char", "string"): ("String.make 1", 0.7),
    ("bytes", "string"): ("Bytes.to_string", 0.7),
    ("string", "bytes"): ("Bytes.of_string", 0.7),
    ("int", "float"): ("float_of_int", 0.45),
    ("float", "int"): ("int_of_float", 0.25),
    ("char", "int"): ("Char.code", 0.4),
    ("int", "char"): ("Char.chr", 0.3),
    ("string", "int"): ("int_of_string", 0.25),
    ("string", "float"): ("float_of_string", 0.25),
}
_CONTAINERS = {
    ("list", "array"): "Array.of_list",
    ("array", "list"): "Array.to_list",
    ("list", "Seq.t"): "List.to_seq",
    ("Seq.t", "list"): "List.of_seq",
}
_STRING = re.compile(r'"([^"\\]|\\.)"')
_CHAR = re.compile(r"'([^'\\]|\\.)'")
_WORD = re.compile(r"-?\d[\w.]*|true|false")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None:
        return
    for text, confidence in (*_literals(found), *_converted(found, source)):
        reason = f"the compiler expects {found.expected}, not {found.actual}: `{text}`"
        yield Suggestion(replaced(source, found.start, found.end, text), reason, confidence)
    if (found.actual, found.expected) == ("string", "int"):
        yield from _joined(found, source)


def _literals(found: Mismatch) -> Iterable[tuple[str, float]]:
    string, char = _STRING.fullmatch(found.text), _CHAR.fullmatch(found.text)
    if string and found.expected == "char":
        yield f"'{string[1]}'", 0.9
    if char and found.expected == "string":
        yield f'"{char[1]}"', 0.85
    if found.expected == "string" and _WORD.fullmatch(found.text):
        yield ('""', 0.6) if found.text == "0" else (f'"{found.text}"', 0.5)


def _converted(found: Mismatch, source: SourceText) -> Iterable[tuple[str, float]]:
    function, confidence = _FUNCTIONS.get((found.actual, found.expected), ("", 0.0))
    if not function:
        actual, expected = found.actual.rsplit(" ", 1), found.expected.rsplit(" ", 1)
        if len(actual) == len(expected) == 2 and (actual[0] == expected[0] or "'" in actual[0] + expected[0]):
            function, confidence = _CONTAINERS.get((actual[1], expected[1]), ""), 0.6
    if function == "int_of_float" and _has_float_literal(found, source):
        return
    if function and not (_WORD.fullmatch(found.text) or found.text.startswith('"')):
        yield in_place(source, found, f"{function} {argument(found.text)}"), confidence


def _has_float_literal(found: Mismatch, source: SourceText) -> bool:
    """Whether the arithmetic around the expression can't be an int's, whatever is converted."""
    around = span_of(source.text, chain(covering(source.text, found.start, found.end)))
    return re.search(r"\b\d[\d_]*\.", source.text[slice(*around)]) is not None


def _joined(found: Mismatch, source: SourceText) -> Iterable[Suggestion]:
    """`+` between strings becomes `^`, along the whole sum."""
    node = ancestor(covering(source.text, found.start, found.end), ("infix_expression",))
    edits: list[TextEdit] = []
    while node is not None and node.type == "infix_expression":
        operator = node.child_by_field_name("operator")
        if operator is None or operator.text != b"+":
            break
        edits.append(TextEdit(source.path, *span_of(source.text, operator), "^"))
        node = node.parent
    if edits:
        yield Suggestion(
            tuple(reversed(edits)), "the compiler found strings around `+`: strings are joined by `^`", 0.85
        )
