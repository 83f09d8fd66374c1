"""A module isn't opened any more."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for opening in source.nodes("open_module"):
        if opening.parent is not None and opening.parent.type in ("compilation_unit", "structure"):
            yield source.whole_lines(opening)
