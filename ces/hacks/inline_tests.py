"""Tests within sources: OCaml's `let%expect_test`, Rust's `#[test]`, doctests aside."""

import re
from functools import lru_cache

import msgspec
from tree_sitter import Node

from ces.hacks.source import Source, squeezed, walk

_WORDS = {
    "ocaml": re.compile(r"\[%%?expect|\blet%(?:expect_)?test|\[%%?test"),
    "rust": re.compile(r"#\[\s*(?:\w+::)?test\b|#\[\s*cfg\(\s*test\b"),
    "typescript": re.compile(r"\bimport\.meta\.vitest\b"),
    "python": re.compile(r"\bdef test_"),
}
# What must be in a text for those to be: looked for first, since that takes hardly any time.
_HINTS = {"ocaml": ("%expect", "%test"), "rust": ("test",), "typescript": ("vitest",), "python": ("def test_",)}
_TEST = re.compile(r"^(?:let|module)%(?:expect_)?test|^\[%%?test")
_RUST_TEST = re.compile(r"#\[\s*(?:\w+::)?(?:test|rstest|test_case)\b")
_HOLD = ("compilation_unit", "structure", "module_definition", "module_binding", "ERROR", "source_file", "module")
_RUST_HOLD = ("source_file", "mod_item", "declaration_list", "ERROR")


class Inline(msgspec.Struct, frozen=True):
    """One test: its lines, the last inclusive, and its code."""

    first: int
    last: int
    text: str


@lru_cache(maxsize=256)
def inline_tests(source: Source) -> tuple[Inline, ...]:
    """The tests in a file that isn't one."""
    language = source.language or ""
    words = _WORDS.get(language)
    if words is None or not any(hint in source.text for hint in _HINTS[language]):
        return ()
    if source.root is None or not words.search(source.text):
        return ()
    find = {"ocaml": _ocaml, "rust": _rust}.get(source.language or "", _python)
    return tuple(_inline(source, first, last) for first, last in find(source, source.root))


def test_lines(source: Source) -> frozenset[int]:
    """The lines that only tests are on; a Rust module under `#[cfg(test)]` is all test."""
    lines = {line for one in inline_tests(source) for line in range(one.first, one.last + 1)}
    if source.language == "rust" and source.root is not None and "cfg(test" in source.text.replace(" ", ""):
        for node in walk(source.root, lambda node: node.type in _RUST_HOLD):
            if node.type == "mod_item" and any("cfg" in text for text in _attributes(source, node)):
                lines.update(range(node.start_point.row - 1, node.end_point.row + 1))
    return frozenset(lines)


def _inline(source: Source, first: Node, last: Node) -> Inline:
    return Inline(first.start_point.row, last.end_point.row, squeezed(source, first.start_byte, last.end_byte))


def _ocaml(source: Source, root: Node) -> list[tuple[Node, Node]]:
    nodes = walk(root, lambda node: node.type in _HOLD)
    return [(node, node) for node in nodes if _TEST.match(source.text[node.start_byte : node.start_byte + 30])]


def _rust(source: Source, root: Node) -> list[tuple[Node, Node]]:
    functions = (one for one in walk(root, lambda node: node.type in _RUST_HOLD) if one.type == "function_item")
    return [(_first_attribute(one), one) for one in functions if any(map(_RUST_TEST.match, _attributes(source, one)))]


def _first_attribute(node: Node) -> Node:
    while node.prev_named_sibling is not None and node.prev_named_sibling.type == "attribute_item":
        node = node.prev_named_sibling
    return node


def _attributes(source: Source, node: Node) -> list[str]:
    found = []
    before = node.prev_named_sibling
    while before is not None and before.type in ("attribute_item", "line_comment"):
        if before.type == "attribute_item":
            found.append(source.text[before.start_byte : before.end_byte])
        before = before.prev_named_sibling
    return found


def _python(source: Source, root: Node) -> list[tuple[Node, Node]]:
    return [
        (node, node)
        for node in root.named_children
        if node.type == "function_definition" and source.text.startswith("def test_", node.start_byte)
    ]
