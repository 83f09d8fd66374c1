"""A definition renamed; the interface and the callers not."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for name in shapes.exported(source):
        wrong = misspell(source.text(name), source.random(name), source.words)
        if wrong is not None:
            yield source.replace(name, wrong)
