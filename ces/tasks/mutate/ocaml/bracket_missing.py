"""A closing bracket left out."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(")", "]", "}", "|]"):
        if token.parent is not None and token.start_byte > token.parent.start_byte + 1:
            yield source.drop(token)
