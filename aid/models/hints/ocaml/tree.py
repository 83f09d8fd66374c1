"""OCaml's syntax tree, by tree-sitter, with offsets in code points. Pure."""

from functools import lru_cache

import tree_sitter_ocaml
from tree_sitter import Language, Node, Parser

_IMPLEMENTATION = Language(tree_sitter_ocaml.language_ocaml())


@lru_cache(maxsize=8)
def _parsed(text: str) -> tuple[bytes, Node]:
    content = text.encode()
    return content, Parser(_IMPLEMENTATION).parse(content).root_node


def covering(text: str, start: int, end: int) -> Node:
    """The smallest named node over `text[start:end]`."""
    _, root = _parsed(text)
    first = len(text[:start].encode())
    found = root.named_descendant_for_byte_range(first, first + len(text[start:end].encode()))
    return found if found is not None else root


def span_of(text: str, node: Node) -> tuple[int, int]:
    content, _ = _parsed(text)
    start = len(content[: node.start_byte].decode())
    return start, start + len(content[node.start_byte : node.end_byte].decode())


def ancestor(node: Node | None, kinds: tuple[str, ...]) -> Node | None:
    """`node` or the nearest node around it of one of `kinds`."""
    while node is not None and node.type not in kinds:
        node = node.parent
    return node


def within(node: Node, kinds: tuple[str, ...]) -> Node | None:
    """The first node of one of `kinds` in `node`, itself included, outermost first."""
    level = [node]
    while level:
        for each in level:
            if each.type in kinds:
                return each
        level = [child for each in level for child in each.named_children]
    return None
