"""An object without one of its properties."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for pair in source.nodes("pair", "shorthand_property_identifier"):
        if pair.parent is not None and pair.parent.type == "object":
            yield source.drop_item(pair)
