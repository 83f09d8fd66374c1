"""A struct without one of its fields."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for fields in source.nodes("field_initializer_list"):
        for field in fields.named_children:
            if field.type in ("field_initializer", "shorthand_field_initializer"):
                yield source.drop_item(field)
