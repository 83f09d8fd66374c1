"""A reference used as its value: `total` for `!total`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for expression in source.nodes("prefix_expression"):
        value = expression.child_by_field_name("expression")
        if value is not None and source.text(expression).startswith("!"):
            yield source.replace(expression, source.text(value))
