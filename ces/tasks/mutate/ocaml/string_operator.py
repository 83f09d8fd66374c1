"""`+` on strings."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for operator in source.nodes("concat_operator"):
        if source.text(operator) == "^":
            yield source.replace(operator, "+")
