"""A definition without its `=`."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for binding in source.nodes("let_binding"):
        for token in shapes.children(binding, "="):
            yield source.drop(token)
