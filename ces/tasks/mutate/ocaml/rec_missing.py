"""`rec` left out of a definition that uses itself."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for definition in source.nodes("value_definition"):
        keyword = next((child for child in definition.children if child.type == "rec"), None)
        names = [source.text(name) for name in shapes.bound_names(definition)]
        if keyword is not None and any(source.text(definition).count(name) > 1 for name in names):
            yield source.drop(keyword)
