"""A call without one of its arguments."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("application_expression"):
        plain = shapes.plain_arguments(call)
        if len(plain) > 1:
            for argument in plain:
                yield source.drop(argument)
