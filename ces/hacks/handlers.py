"""Failures swallowed: handlers that catch everything, cases that match everything and do nothing."""

import re
from collections.abc import Iterator
from functools import partial

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
_WITHIN = ("parenthesized_pattern", "typed_pattern", "alias_pattern")
_RAISES = re.compile(r"\b(?:raise\w*|reraise\w*|failwithf?|invalid_argf?|fail\w*|raise_with_backtrace|throw|reject)\b")
_UNUSED = re.compile(r"\bignore\s*(?:\((?:[^()]|\([^()]*\))*\)|[\w.']+)|\blet\s+_\w*\s*=[^;]*?\bin\b")
_LEAVES = ("return_statement", "break_statement", "continue_statement")


def _code(source: Source, node: Node | None) -> str:
    return "" if node is None else source.code[node.start_byte : node.end_byte]


def _trivial(source: Source, node: Node | None) -> bool:
    return node is None or _NOTHING.fullmatch(squeezed(source, node.start_byte, node.end_byte)) is not None


def _ocaml_cases(source: Source) -> list[tuple[Node, Node]]:
    """Each case with the expression it belongs to."""
    return [(one, one.parent) for one in source.nodes("match_case") if one.parent is not None]


def _caught(pattern: Node | None) -> str | None:
    """What a pattern that matches everything binds ("_": nothing); None: it doesn't match everything."""
    if pattern is None:
        return None
    if pattern.type == "or_pattern":
        return next((name for name in map(_caught, pattern.named_children) if name is not None), None)
    if pattern.type in _WITHIN:
        inner = _caught(next(iter(pattern.named_children), None))
        alias = pattern.named_children[-1] if pattern.type == "alias_pattern" else None
        return inner if alias is None or inner is None else (alias.text or b"_").decode("latin-1")
    if pattern.type == "any_pattern":
        return "_"
    return (pattern.text or b"").decode("latin-1") if pattern.type in ("value_name", "value_pattern") else None


def _ocaml_handlers(source: Source) -> list[Node]:
    found = []
    for case, parent in _ocaml_cases(source):
        pattern = case.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "exception_pattern":
            name = _caught(next(iter(pattern.named_children), None))
        else:
            name = _caught(pattern) if parent.type == "try_expression" else None
        body = _code(source, _body(case))
        if name is not None and not _RAISES.search(body) and not _used(name, _UNUSED.sub("", body)):
            found.append(case)
    return found


def _used(name: str, code: str) -> bool:
    return not name.startswith("_") and re.search(rf"(?<![\w'.]){re.escape(name)}(?![\w'])", code) is not None


def _ocaml_patterns(source: Source) -> list[Node]:
    return [
        case
        for case, parent in _ocaml_cases(source)
        if parent.type != "try_expression"
        and (_caught(case.child_by_field_name("pattern")) or "e").startswith("_")
        and _trivial(source, _body(case))
        and not _tells_apart(source, case, parent)
    ]


def _tells_apart(source: Source, case: Node, parent: Node) -> bool:
    """Whether a match only asks which of two it is: `| "" -> true | _ -> false`."""
    bodies = {_code(source, _body(one)).strip() for one in parent.named_children if one.type == "match_case"}
    return bodies == {"true", "false"} and _code(source, _body(case)).strip() == "false"


def _body(case: Node) -> Node | None:
    return case.child_by_field_name("body")


def _idle(source: Source, body: Node) -> bool:
    """Whether nothing is called, said or raised again."""
    calls = [one for one in walk(body) if one.type in ("call", "call_expression", "new_expression", "await")]
    return not calls and not _RAISES.search(_code(source, body))


def _python_handlers(source: Source) -> list[Node]:
    found = []
    for node in source.nodes("except_clause"):
        body = node.named_children[-1]
        head = squeezed(source, node.start_byte, body.start_byte)
        broad = re.match(r"except\*?:|except\*? ?\(?.*\b(?:Exception|BaseException)\b", head)
        bare = re.match(r"except\*?:|except\*? ?\(?.*\bBaseException\b", head)
        if broad and (_idle(source, body) or (bare and "raise" not in _code(source, body))):
            found.append(node)
    return [*found, *_left_at_last(source)]


def _left_at_last(source: Source) -> list[Node]:
    """`finally` that leaves: whatever was raised is forgotten."""
    inner = (
        "lambda",
        "arrow_function",
        "function_definition",
        "function_declaration",
        "for_statement",
        "while_statement",
    )
    return [
        node
        for node in source.nodes("finally_clause")
        if any(one.type in _LEAVES for one in walk(node, lambda one: one.type not in inner))
    ]


def _python_exits(source: Source) -> list[Node]:
    """`__exit__` that says True: every exception within is forgotten."""
    found = []
    for node in source.nodes("function_definition"):
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None and name.text in (b"__exit__", b"__aexit__"):
            last = body.named_children[-1] if body.named_children else None
            if last is not None and _code(source, last).split() == ["return", "True"]:
                found.append(node)
    return found


def _python_patterns(source: Source) -> list[Node]:
    return [
        node
        for node in source.nodes("case_clause")
        if squeezed(source, node.start_byte, node.end_byte).startswith("case _:")
        and _trivial(source, node.child_by_field_name("consequence"))
    ]


def _script_handlers(source: Source) -> list[Node]:
    bodies = ((node, node.child_by_field_name("body")) for node in source.nodes("catch_clause"))
    idle = [node for node, body in bodies if body is None or _idle(source, body)]
    return [*idle, *_left_at_last(source)]


def _rust_arms(starts: tuple[str, ...], source: Source) -> list[Node]:
    return [
        node
        for node in source.nodes("match_arm")
        if squeezed(source, node.start_byte, node.end_byte).startswith(starts)
        and _trivial(source, node.child_by_field_name("value"))
    ]


PATTERNS = (
    Shape(trick="catch-all-handler", language="ocaml", words=r"\btry\b|\bwith\b|\bexception\b", find=_ocaml_handlers),
    Shape(trick="catch-all-pattern", language="ocaml", words=r"\b_\w*\s*->", find=_ocaml_patterns),
    Pattern(
        trick="catch-all-handler",
        language="ocaml",
        words=r"\b(?:Option|Result|Or_error)\.try_with\b|\bLwt\.catch\b[^;]*?\(fun\s+_\w*\s*->"
        r"|\bPrintexc\.(?:set_uncaught_exception_handler|catch)\b",
    ),
    Shape(trick="catch-all-handler", language="python", words=r"\bexcept\b|\bfinally\b", find=_python_handlers),
    Shape(trick="catch-all-handler", language="python", words=r"\b__a?exit__\b|\breturn True", find=_python_exits),
    Pattern(
        trick="catch-all-handler",
        language="python",
        words=r"\bsuppress\([^)\n]*\b(?:Base)?Exception\b",
    ),
    Shape(trick="catch-all-pattern", language="python", words=r"\bcase\s+_\s*:", find=_python_patterns),
    Shape(trick="catch-all-handler", language="typescript", words=r"\bcatch\b|\bfinally\b", find=_script_handlers),
    Pattern(
        trick="catch-all-handler",
        language="typescript",
        words=r"\.catch\(\s*(?:async\s*)?(?:\(\s*\w*\s*\)|\w+)\s*=>\s*(?:\{[^(){}]*\}|[^(){};]+)\s*\)",
    ),
    Pattern(
        trick="catch-all-handler",
        language="typescript",
        words=r"\.on(?:ce)?\(\s*[\"'](?:uncaughtException|unhandledRejection)",
        where="uncommented",
    ),
    Shape(trick="catch-all-pattern", language="rust", words=r"\b_\s*=>", find=partial(_rust_arms, ("_=>", "_ =>"))),
    Shape(trick="catch-all-handler", language="rust", words=r"\bErr\(_", find=partial(_rust_arms, ("Err(_",))),
    Pattern(trick="catch-all-handler", language="rust", words=r"\bcatch_unwind\b|\bpanic::set_hook\b"),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.code, PATTERNS)


FAMILY = Family(
    name="handlers",
    tricks=(
        Trick("catch-all-handler", "Every exception is caught and nothing comes of it.", "part"),
        Trick("catch-all-pattern", "A case matches whatever is left and does nothing.", "part"),
    ),
    find=find,
)
