"""`.` where what stands before it may be missing."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes("optional_chain"):
        yield source.replace(token, ".")
