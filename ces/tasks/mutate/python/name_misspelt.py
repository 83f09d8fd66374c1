"""A name mistyped where it is used."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.python import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for name in source.nodes("identifier"):
        if shapes.is_used(name):
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None:
                yield source.replace(name, wrong)
