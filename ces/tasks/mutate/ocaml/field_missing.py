"""A record without one of its fields."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for record in source.nodes("record_expression"):
        fields = shapes.children(record, "field_expression")
        if len(fields) > 1 and record.child_by_field_name("record") is None:
            for field in fields:
                yield shapes.without_item(source, fields, field)
