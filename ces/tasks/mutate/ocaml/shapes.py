"""Shapes of OCaml's syntax tree that several breakages look for (tree-sitter-ocaml's node types). Pure."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from tree_sitter import Node

from ces.tasks.mutate.source import Edits, Source

_STANDARD = ({"Some", "None"}, {"Ok", "Error"}, {"true", "false"})
_LABELS = ("~", "?")


def children(node: Node, *types: str) -> list[Node]:
    return [child for child in node.children if child.type in types]


def inside(node: Node, kind: str) -> Iterator[Node]:
    """Every node of a type below `node`, outer before inner."""
    left = list(reversed(node.children))
    while left:
        one = left.pop()
        if one.type == kind:
            yield one
        left.extend(reversed(one.children))


def around(node: Node) -> list[Node]:
    """The nodes around, innermost first."""
    found = []
    above = node.parent
    while above is not None:
        found.append(above)
        above = above.parent
    return found


def bound_names(definition: Node) -> list[Node]:
    """The names a `let` and its `and`s define; patterns left out."""
    patterns = (binding.child_by_field_name("pattern") for binding in children(definition, "let_binding"))
    return [pattern for pattern in patterns if pattern is not None and pattern.type == "value_name"]


def exported(source: Source) -> list[Node]:
    """The names that a file's outermost definitions bind."""
    outermost = (node for node in source.nodes("value_definition") if _is_outermost(node))
    return [name for definition in outermost for name in bound_names(definition)]


def _is_outermost(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "compilation_unit"


def plain_arguments(call: Node) -> list[Node]:
    """A call's arguments that have no label; none for a constructor's."""
    function = call.child_by_field_name("function")
    if function is None or function.type == "constructor_path":
        return []
    return [each for each in call.children_by_field_name("argument") if each.type != "labeled_argument"]


def is_plain(parameter: Node) -> bool:
    return not any(child.type in _LABELS for child in parameter.children)


def plain_parameters(name: Node) -> list[Node]:
    """The unlabelled parameters of the function that `name` defines."""
    return [each for each in children(name.parent, "parameter") if is_plain(each)] if name.parent is not None else []


def parameter_name(source: Source, parameter: Node) -> str | None:
    """The one variable an unlabelled parameter is; None for another pattern."""
    pattern = parameter.child_by_field_name("pattern")
    while pattern is not None and pattern.type == "typed_pattern":
        pattern = pattern.child_by_field_name("pattern")
    plain = pattern is not None and pattern.type == "value_pattern" and is_plain(parameter)
    return source.text(pattern) if pattern is not None and plain else None


def field_names(declaration: Node) -> list[Node]:
    return [name for field in children(declaration, "field_declaration") for name in children(field, "field_name")]


def last_name(source: Source, field: Node) -> str:
    """The name of a record's field, without its module."""
    return source.text(field.named_children[0]).rpartition(".")[2].strip()


def without_item(source: Source, items: Sequence[Node], item: Node) -> Edits:
    """A list of things with separators without one of them and one separator."""
    at = [one.start_byte for one in items].index(item.start_byte)
    if at + 1 < len(items):
        return source.edit(item.start_byte, items[at + 1].start_byte, "")
    return source.edit(items[at - 1].end_byte, item.end_byte, "")


def sibling_constructors(source: Source) -> dict[str, set[str]]:
    """Each constructor with all of its type, of this file's types and the standard ones."""
    kin: dict[str, set[str]] = {}
    groups = [
        {source.text(name) for each in children(variant, "constructor_declaration") for name in each.named_children[:1]}
        for variant in source.nodes("variant_declaration")
    ]
    for group in (*_STANDARD, *groups):
        for name in group:
            kin.setdefault(name, group)
    return kin


def names_from(here: Source, there: Source, name: str) -> frozenset[str]:
    """What `name`, defined in `there`, may be called in `here`."""
    if here is there:
        return frozenset({name})
    module = PurePosixPath(there.path).stem
    return frozenset({f"{module[:1].upper()}{module[1:]}.{name}"})


def overlapping(nodes: Sequence[Node | None]) -> bool:
    """Whether one of them is inside another."""
    spans = sorted((node.start_byte, node.end_byte) for node in nodes if node is not None)
    return any(first[1] > second[0] for first, second in itertools.pairwise(spans))
