"""A label mistyped."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for argument in source.nodes("labeled_argument"):
        for name in shapes.children(argument, "label_name"):
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None and argument.child_by_field_name("expression") is not None:
                yield source.replace(name, wrong)
