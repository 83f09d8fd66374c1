"""A type has got a new field: no record of it has the field yet, in any file."""

from collections.abc import Iterator

from tree_sitter import Node

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def _literals(source: Source, names: set[str]) -> Iterator[tuple[Source, dict[str, Node]]]:
    """The records with exactly these fields, each as its fields by name."""
    for record in source.nodes("record_expression"):
        fields = {shapes.last_name(source, field): field for field in shapes.children(record, "field_expression")}
        inner = any(around.type == "record_expression" for around in shapes.around(record))
        if fields.keys() == names and record.child_by_field_name("record") is None and not inner:
            yield source, fields


def _without(source: Source, fields: dict[str, Node], name: str) -> Edits:
    return shapes.without_item(source, list(fields.values()), fields[name])


def sites(source: Source) -> Iterator[Edits]:
    for declaration in source.nodes("record_declaration"):
        names = [source.text(name) for name in shapes.field_names(declaration)]
        if len(names) < 2:
            continue
        literals = [found for each in source.project.of_language("ocaml") for found in _literals(each, set(names))]
        if literals:
            new = source.random(declaration).choice(names)
            yield tuple(edit for each, fields in literals for edit in _without(each, fields, new))
