"""A string without its end."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for string in source.nodes("string"):
        last = string.children[-1] if string.children else None
        if last is not None and last.type == '"' and last.start_byte > string.start_byte:
            yield source.edit(last.start_byte, last.end_byte, "")
