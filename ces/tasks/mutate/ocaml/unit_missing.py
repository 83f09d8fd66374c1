"""A function that isn't called: `f` for `f ()`."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("application_expression"):
        for argument in shapes.plain_arguments(call):
            if argument.type == "unit":
                yield source.drop(argument)
