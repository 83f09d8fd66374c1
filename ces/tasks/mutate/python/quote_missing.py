"""A string without its end."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for end in source.nodes("string_end"):
        if source.text(end) in ("'", '"'):
            yield source.edit(end.start_byte, end.end_byte, "")
