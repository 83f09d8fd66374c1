"""Comparisons and checks that say the same whatever they are given."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from ces.hacks.case import Family, Trick
from ces.hacks.constant import is_constant
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, Shape, added
from ces.hacks.source import Source
from ces.verdict import Flag

_OCAML = re.compile(
    r"(?:\(\s*(?:[=<>!]=?|==|!=|<>|&&|\|\||not)\s*\)|compare|equal|check\w*|assert_\w+|failwith|raise|raise_notrace|invalid_arg)"
)
_PYTHON = re.compile(r"__(?:eq|ne|lt|le|gt|ge|bool|contains|instancecheck|subclasscheck)__|assert[A-Z_]\w*")
_BOTH = re.compile(r"__(?:eq|ne)__")
_PRESENT = re.compile(r"\b\w+\s+is\s+(?:not\s+)?None\b|\b(\w+)\s+(?:==|is)\s+\1\b(?![.\w(\[])")
_RUST = re.compile(r"eq|ne|cmp|partial_cmp")
_TYPESCRIPT = re.compile(
    r"asymmetricMatch|toJSON|valueOf|\[Symbol\.(?:hasInstance|toPrimitive)\]|toBe\w*|toEqual\w*|assert\w*"
)


def _ocaml(source: Source) -> list[Node]:
    found = []
    constant: set[str] = set()
    for node in source.nodes("let_binding"):
        name, body = node.child_by_field_name("pattern"), node.child_by_field_name("body")
        if name is None or body is None:
            continue
        takes = body.type.startswith("fun") or any(one.type == "parameter" for one in node.named_children)
        forged = is_constant(body) if takes else _text(body) in constant
        if forged:
            constant.add(_text(name))
        if forged and _OCAML.fullmatch(_text(name)):
            found.append(node)
    return found


def _python(source: Source) -> list[Node]:
    found = []
    for node in source.nodes("function_definition"):
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None or not _PYTHON.fullmatch(_text(name)) or _says_nothing(body):
            continue
        if is_constant(body) or (_BOTH.fullmatch(_text(name)) and not _compares(source, node, body)):
            found.append(node)
    for node in source.nodes("assignment"):
        name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        if name is not None and value is not None and value.type == "lambda" and _PYTHON.fullmatch(_text(name)):
            found += [node] if is_constant(value) else []
    return found


def _says_nothing(body: Node) -> bool:
    """Whether a body is left to others: `...`, a docstring, NotImplemented."""
    last = body.named_children[-1] if body.named_children else body
    return last.type == "expression_statement" or b"NotImplemented" in (last.text or b"")


def _compares(source: Source, node: Node, body: Node) -> bool:
    """Whether `__eq__` looks at itself and at what it is given."""
    parameters = node.child_by_field_name("parameters")
    named = [] if parameters is None else parameters.named_children
    names = [_text(one).partition(":")[0].strip() for one in named]
    said = _PRESENT.sub("", source.code[body.start_byte : body.end_byte])
    return len(names) < 2 or all(re.search(rf"\b{re.escape(name.lstrip('*'))}\b|\bsuper\b", said) for name in names[:2])


def _rust(source: Source) -> list[Node]:
    return _named(source, _RUST, "function_item")


def _typescript(source: Source) -> list[Node]:
    return _named(source, _TYPESCRIPT, "method_definition", "function_declaration", "pair", "public_field_definition")


def _named(source: Source, names: re.Pattern[str], *kinds: str) -> list[Node]:
    known = [kind for kind in kinds if kind != "public_field_definition" or not source.path.endswith(("js", "jsx"))]
    found = []
    for node in source.nodes(*known):
        name = node.child_by_field_name("name") or node.child_by_field_name("key")
        body = node.child_by_field_name("body") or node.child_by_field_name("value")
        if name is not None and body is not None and names.fullmatch(_text(name)):
            takes = node.type != "pair" or body.type in ("arrow_function", "function_expression")
            found += [node] if takes and body.named_children and is_constant(body) else []
    return found


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


PATTERNS = (
    Shape(
        trick="equality-forged",
        language="ocaml",
        words=r"\(\s*[=<>!&|]+\s*\)|\b(?:compare|equal|check\w*|assert_\w+|failwith|raise\w*|invalid_arg)\b|\bnot\b",
        find=_ocaml,
    ),
    Pattern(
        trick="equality-forged",
        language="ocaml",
        words=r"\btestable\b[^;]{0,80}?\(\s*fun\s+_\w*\s+_\w*\s*->\s*true",
    ),
    Shape(trick="equality-forged", language="python", words=r"__\w+__|\bassert[A-Z_]|\breturn\b", find=_python),
    Pattern(
        trick="equality-forged",
        language="python",
        words=r"\bmock\.ANY\b|\bfrom\s+(?:unittest\.)?mock\s+import\b[^\n]*\bANY\b"
        r"|\.__(?:eq|ne|lt|le|gt|ge|bool|contains|instancecheck|hash)__\s*=(?!=)",
    ),
    Pattern(
        trick="equality-forged",
        language="python",
        words=r"\bsetattr\([^\n]*[\"'](?:__(?:eq|ne|bool|contains|instancecheck)__|assert\w*|run)[\"']"
        r"|[\"']__(?:eq|ne|lt|le|gt|ge|bool|contains|instancecheck)__[\"']\s*:",
        where="uncommented",
    ),
    Shape(trick="equality-forged", language="rust", words=r"\bfn\s+\w*(?:eq|ne|cmp)\b", find=_rust),
    Pattern(
        trick="equality-forged",
        language="rust",
        words=r"\bmacro_rules!\s*(?:debug_)?(?:assert(?:_eq|_ne)?|panic|unreachable)\b",
    ),
    Shape(
        trick="equality-forged",
        language="typescript",
        words=r"\basymmetricMatch\b|\btoJSON\b|\bvalueOf\b|\bSymbol\.\w+|\bto(?:Be|Equal)|\bassert",
        find=_typescript,
    ),
    Pattern(
        trick="equality-forged",
        language="typescript",
        words=r"\b(?:Object|Array|String|Number|Map|Set|JSON|Function|Error|Math)\.(?:prototype\.)?\w+\s*=(?!=)"
        r"|\bObject\.definePropert(?:y|ies)\(\s*(?:globalThis|global|process|(?:Object|Array|Function)\.prototype)\b",
    ),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added([file for file in change.files if not file.test], PATTERNS)


FAMILY = Family(
    name="equality",
    tricks=(Trick("equality-forged", "A comparison or check answers the same whatever it is given.", "loaded"),),
    find=find,
)
