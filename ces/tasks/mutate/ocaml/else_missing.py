"""A conditional without its `else`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for clause in source.nodes("else_clause"):
        start = len(source.content[: clause.start_byte].rstrip())
        yield source.edit(start, clause.end_byte, "")
