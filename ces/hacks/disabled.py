"""Code that is still there and never runs: behind a condition that is false, or after a return."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from ces.hacks.case import Family, Trick
from ces.hacks.constant import is_constant
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, Shape, added
from ces.hacks.source import Source
from ces.verdict import Flag

_WORDS = {
    "ocaml": r"\b(?:if|when|while)\s+(?:false\b|not\s+true\b)|\bif\s+(?:true|not\s+false)\b",
    "python": r"\b(?:if|elif|while)\s+(?:False|0|not\s+True)\s*:|\bif\s+(?:True|1|not\s+False)\s*:",
    "rust": r"\b(?:if|while)\s+(?:false|!true)\s*\{|\bif\s+true\s*\{|#!?\[\s*cfg\(\s*(?:any\(\s*\)|FALSE)"
    r"|#!\[\s*cfg\(\s*(?:not\(\s*)?test\b",
    "typescript": r"\b(?:if|while)\s*\(\s*(?:false|0|!true)\s*\)|\bif\s*\(\s*(?:true|1|!false)\s*\)",
}
_FORCED = {
    "ocaml": r"\|\|\s*(?:true\b|not\s+false\b)|&&\s*(?:false\b|not\s+true\b)|\btrue\s*\|\||\bfalse\s*&&",
    "python": r"\bor\s+(?:True\b|not\s+False\b|1\s*(?:$|[):,]))"
    r"|\band\s+(?:False\b|not\s+True\b)|\bTrue\s+or\b|\bFalse\s+and\b",
    "rust": r"\|\|\s*(?:true\b|!false\b)|&&\s*(?:false\b|!true\b)|\btrue\s*\|\||\bfalse\s*&&",
    "typescript": r"\|\|\s*(?:true\b|!false\b|!0\b)|&&\s*(?:false\b|!true\b)|\btrue\s*\|\||\bfalse\s*&&",
}
_SELF = r"(?<![\w.])([a-z_]\w*)\s*===?\s*\1\b(?!'|\s*[.\w(\[])"  # NaN is told by !=
_LEAVES = {
    "python": ("return_statement", "raise_statement", "continue_statement", "break_statement"),
    "typescript": ("return_statement", "throw_statement", "continue_statement", "break_statement"),
}
_LEAVING = r"\b(?:return|raise|throw|continue|break)\b"
_IDLE = re.compile(
    r"(?:pass|\.\.\.|return|\)|raise\s+NotImplementedError\b.*|yield(?:\s+from)?[\s()\[\],\d'\"]*)?"
)  # a line; what a string says is blank
_RUNS_ANYWAY = ("comment", "function_declaration", "generator_function_declaration", "class_declaration")


def _unreachable(source: Source) -> list[Node]:
    """Statements that leave a block which goes on, at its own level."""
    found = []
    for node in source.nodes(*_LEAVES[source.language or ""]):
        if node.parent is None or node.parent.type not in ("block", "statement_block"):
            continue
        following = [one for one in node.parent.named_children if one.start_byte > node.start_byte]
        never = [one for one in following if one.type not in _RUNS_ANYWAY]
        if never and not (_makes_a_generator(node, never) and not _worked(source.before, node)):
            found.append(node)
    return found


def _makes_a_generator(leaves: Node, never: list[Node]) -> bool:
    """Whether what is never reached is one `yield` of nothing: that is how Python is told of an empty generator."""
    if len(never) > 1 or leaves.type != "return_statement" or leaves.named_children:
        return False
    said = never[0].named_children
    return len(said) == 1 and said[0].type == "yield" and all(map(is_constant, said[0].named_children))


def _worked(before: Source | None, node: Node) -> bool:
    """Whether the function that a node is in did anything before, under that name."""
    name = _function(node)
    if before is None or name is None:
        return False
    functions = [one for one in before.nodes("function_definition") if _name(one) == name]
    lines = (line for start, end in map(_body, functions) for line in before.code[start:end].split("\n"))
    return not all(_IDLE.fullmatch(line.strip(" \t\r'\"")) for line in lines)


def _function(node: Node) -> bytes | None:
    above = node.parent
    while above is not None and above.type != "function_definition":
        above = above.parent
    return None if above is None else _name(above)


def _name(function: Node) -> bytes | None:
    name = function.child_by_field_name("name")
    return None if name is None else name.text


def _body(function: Node) -> tuple[int, int]:
    body = function.child_by_field_name("body") or function
    return body.start_byte, body.end_byte


PATTERNS: tuple[Pattern | Shape, ...] = (
    *(Pattern(trick="code-disabled", language=language, words=words) for language, words in _WORDS.items()),
    *(Pattern(trick="condition-forced", language=language, words=words) for language, words in _FORCED.items()),
    *(Pattern(trick="condition-forced", language=language, words=_SELF) for language in _FORCED),
    *(Shape(trick="code-disabled", language=language, words=_LEAVING, find=_unreachable) for language in _LEAVES),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.code, PATTERNS)


FAMILY = Family(
    name="disabled",
    tricks=(
        Trick("code-disabled", "Code stays and can't be reached.", "close"),
        Trick("condition-forced", "A condition is told what it comes to.", "added"),
    ),
    find=find,
)
