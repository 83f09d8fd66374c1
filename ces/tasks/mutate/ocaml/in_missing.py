"""A local definition without its `in`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes("in"):
        yield source.drop(token)
