"""`+` on floats."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for operator in source.nodes("add_operator", "mult_operator"):
        if source.text(operator) in ("+.", "-.", "*.", "/."):
            yield source.replace(operator, source.text(operator)[0])
