"""The name of a value mistyped where it is used."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for path in source.nodes("value_path"):
        for name in shapes.children(path, "value_name"):
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None:
                yield source.replace(name, wrong)
