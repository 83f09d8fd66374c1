"""A value where a reference to it is meant."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for expression in source.nodes("reference_expression"):
        value = expression.child_by_field_name("value")
        if value is not None:
            yield source.replace(expression, source.text(value))
