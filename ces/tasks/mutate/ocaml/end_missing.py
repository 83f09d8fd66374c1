"""A block without its `end` or `done`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes("end", "done"):
        yield source.whole_lines(token)
