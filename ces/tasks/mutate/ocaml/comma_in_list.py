"""A comma where a list has a semicolon."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(";"):
        if token.parent is not None and token.parent.type in ("list_expression", "array_expression"):
            yield source.replace(token, ",")
