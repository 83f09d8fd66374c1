"""An attribute or a method mistyped where it is used."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.python import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for attribute in source.nodes("attribute"):
        name = attribute.child_by_field_name("attribute")
        if name is not None and not shapes.is_assigned(attribute):
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None:
                yield source.replace(name, wrong)
