"""A list's only element where the list is meant: `x` for `[x]`."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for expression in source.nodes("list_expression"):
        if expression.named_child_count == 1 and not shapes.children(expression, ";"):
            yield source.replace(expression, source.text(expression.named_children[0]))
