"""A call without one of its arguments."""

from collections.abc import Iterator

from ces.tasks.mutate.python import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("call"):
        arguments = shapes.plain_arguments(call)
        for argument in arguments:
            yield source.drop_item(argument)
