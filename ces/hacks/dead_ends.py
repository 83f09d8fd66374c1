"""Whether a body gives up whatever it is given, however much stands before that."""

import re

from tree_sitter import Node

from ces.hacks.definitions import Definition
from ces.hacks.source import walk

_OCAML = re.compile(
    rb"(?:assert\s+\(?\s*false\b|(?:failwithf?|invalid_argf?|raise\w*|(?:\w+\.)*(?:failwithf?|invalid_argf?|raise\w*))\b)"
)
_ENDS = {
    "python": re.compile(rb"raise\s+\w|assert\s*\(?\s*(?:False|0)\b"),
    "rust": re.compile(rb"(?:todo|unimplemented|panic|unreachable)!"),
    "typescript": re.compile(rb"throw\b"),
}
_WRAPS = ("fun_expression", "parenthesized_expression", "sequence_expression", "typed_expression", "fun")
_BLOCKS = ("block", "statement_block")
_FUNCTIONS = ("function_definition", "lambda", "closure_expression", "arrow_function", "function_declaration")
_LEAVES = ("return_statement", "return_expression", "yield", "yield_expression", "try_expression")
_GIVES_UP = re.compile(r"fail|err|raise|abort|die|bug|invalid|unsupported|panic|throw|usage|unreachable|deprecat", re.I)


def gives_up(one: Definition) -> bool:
    """Whether every way through a function ends in an abort; one that is there for that, by its name, isn't meant."""
    if not one.is_function or _GIVES_UP.search(one.name.rpartition(".")[2]):
        return False
    language = one.source.language or ""
    if language == "ocaml":
        return _ocaml(one.body)
    if language not in _ENDS:
        return False
    return _statements(one.body, _ENDS[language])


def _ocaml(node: Node) -> bool:
    while True:
        parts = [one for one in node.named_children if "comment" not in one.type]
        if node.type in _WRAPS and parts:
            if node.type == "sequence_expression" and any(_OCAML.match(one.text or b"") for one in parts[:-1]):
                return True
            node = parts[-1]
        elif node.type == "let_expression" and parts:
            node = parts[-1]
        elif node.type == "infix_expression" and parts:  # failwith @@ ...
            return _OCAML.match(node.text or b"") is not None and b"@@" in (node.text or b"")
        else:
            return node.type in ("application_expression", "assert_expression") and bool(_OCAML.match(node.text or b""))


def _statements(body: Node, ends: re.Pattern[bytes]) -> bool:
    if body.type not in _BLOCKS:
        return False
    for one in body.named_children:
        if ends.match(one.text or b""):
            return True
        if one.type in _LEAVES or any(
            each.type in _LEAVES for each in walk(one, lambda each: each.type not in _FUNCTIONS)
        ):
            return False
    return False
