"""A name that isn't imported any more."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for declaration in source.nodes("use_declaration"):
        yield source.whole_lines(declaration)
