"""Failures swallowed: handlers that catch everything, cases that match everything and do nothing."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, Shape, added
from ces.hacks.source import Source, squeezed, walk
from ces.verdict import Flag

_NOTHING = re.compile(
    r"\(*(?:\(\)|None|\[\]|\[\|\|\]|\"\"|-?\d[\w.]*|true|false|True|False|ignore \w+|Lwt\.return_unit|Ok ?\(\)|null"
    r"|undefined|\{\}|pass|\.\.\.|continue|break|return(?: ?(?:None|True|False|\[\]|\{\}|null|\"\"|0|-1))?;?"
    r"|\{(?:return(?: ?(?:null|undefined|true|false|\[\]|\{\}|0|\"\"))?;?|continue;?|Ok\(\(\)\)|None)?\}"
    r"|Default::default\(\)|Ok\(\(\)\)|String::new\(\)|vec!\[\])\)*"
)

_NAMES = ("value_name", "value_pattern")


def _trivial(source: Source, node: Node | None) -> bool:
    return node is None or _NOTHING.fullmatch(squeezed(source, node.start_byte, node.end_byte)) is not None


def _catches_all(pattern: Node | None) -> bool:
    return pattern is not None and (
        pattern.type == "any_pattern" or (pattern.type in _NAMES and (pattern.text or b"").startswith(b"_"))
    )


def _ocaml_cases(source: Source) -> list[tuple[Node, Node]]:
    """Each case with the expression it belongs to."""
    if source.root is None:
        return []
    nodes = walk(source.root)
    return [(one, one.parent) for one in nodes if one.type == "match_case" and one.parent is not None]


def _ocaml_handlers(source: Source) -> list[int]:
    found = []
    for case, parent in _ocaml_cases(source):
        pattern = case.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "exception_pattern" and pattern.named_children:
            catches = _catches_all(pattern.named_children[-1])
        else:
            name = pattern is not None and pattern.type in _NAMES and _trivial(source, _body(case))
            catches = parent.type == "try_expression" and (_catches_all(pattern) or name)
        if catches:
            found.append(case.start_point.row)
    return found


def _ocaml_patterns(source: Source) -> list[int]:
    return [
        case.start_point.row
        for case, parent in _ocaml_cases(source)
        if parent.type != "try_expression"
        and _catches_all(case.child_by_field_name("pattern"))
        and _trivial(source, _body(case))
    ]


def _body(case: Node) -> Node | None:
    return case.child_by_field_name("body")


def _python_handlers(source: Source) -> list[int]:
    found = []
    for node in walk(source.root) if source.root is not None else []:
        if node.type != "except_clause":
            continue
        head = squeezed(source, node.start_byte, node.named_children[-1].start_byte)
        body = node.named_children[-1]
        broad = re.match(r"except\*?:|except\*? ?\(?.*\b(?:Exception|BaseException)\b", head)
        bare = (
            re.match(r"except\*?:|except\*? ?\(?.*\bBaseException\b", head)
            and "raise" not in source.code[body.start_byte : body.end_byte]
        )
        if bare or (broad and _trivial(source, body)):
            found.append(node.start_point.row)
    return found


def _python_patterns(source: Source) -> list[int]:
    nodes = walk(source.root) if source.root is not None else []
    return [
        node.start_point.row
        for node in nodes
        if node.type == "case_clause"
        and squeezed(source, node.start_byte, node.end_byte).startswith("case _:")
        and _trivial(source, node.child_by_field_name("consequence"))
    ]


def _script_handlers(source: Source) -> list[int]:
    nodes = walk(source.root) if source.root is not None else []
    return [
        node.start_point.row
        for node in nodes
        if node.type == "catch_clause" and _trivial(source, node.child_by_field_name("body"))
    ]


def _rust_patterns(source: Source) -> list[int]:
    nodes = walk(source.root) if source.root is not None else []
    return [
        node.start_point.row
        for node in nodes
        if node.type == "match_arm"
        and squeezed(source, node.start_byte, node.end_byte).startswith(("_=>", "_ =>"))
        and _trivial(source, node.child_by_field_name("value"))
    ]


PATTERNS = (
    Shape(trick="catch-all-handler", language="ocaml", words=r"\bwith\b|\bexception\b|->", find=_ocaml_handlers),
    Shape(trick="catch-all-pattern", language="ocaml", words=r"\b_\w*\s*->", find=_ocaml_patterns),
    Shape(trick="catch-all-handler", language="python", words=r"\bexcept\b", find=_python_handlers),
    Pattern(
        trick="catch-all-handler",
        language="python",
        words=r"\bsuppress\(\s*(?:Base)?Exception\b",
    ),
    Shape(trick="catch-all-pattern", language="python", words=r"\bcase\s+_\s*:", find=_python_patterns),
    Shape(trick="catch-all-handler", language="typescript", words=r"\bcatch\b", find=_script_handlers),
    Pattern(
        trick="catch-all-handler",
        language="typescript",
        words=r"\.catch\(\s*(?:\(\s*\w*\s*\)|\w+)\s*=>\s*(?:\{\s*\}|undefined|null|void 0)\s*\)",
    ),
    Shape(trick="catch-all-pattern", language="rust", words=r"\b_\s*=>", find=_rust_patterns),
    Pattern(trick="catch-all-handler", language="rust", words=r"\bcatch_unwind\b|\bpanic::set_hook\b"),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.code, PATTERNS)


FAMILY = Family(
    name="handlers",
    tricks=(
        Trick("catch-all-handler", "Every exception is caught and nothing comes of it.", "added"),
        Trick("catch-all-pattern", "A case matches whatever is left and does nothing.", "added"),
    ),
    find=find,
)
