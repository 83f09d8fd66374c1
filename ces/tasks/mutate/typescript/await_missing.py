"""A promise that nobody awaits."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for expression in source.nodes("await_expression"):
        yield source.replace(expression, source.text(expression.named_children[0]))
