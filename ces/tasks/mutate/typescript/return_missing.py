"""A function that works its answer out and doesn't return it."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for statement in source.nodes("return_statement"):
        if statement.named_children:
            yield source.edit(statement.start_byte, statement.named_children[0].start_byte, "")
