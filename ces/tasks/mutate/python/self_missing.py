"""A method without its `self`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for parameters in source.nodes("parameters"):
        first = parameters.named_children[0] if parameters.named_children else None
        if first is not None and source.text(first) in ("self", "cls"):
            yield source.drop_item(first)
