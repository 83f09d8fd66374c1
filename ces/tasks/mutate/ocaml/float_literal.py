"""`1.0` where an integer is meant."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for number in source.nodes("number"):
        if source.text(number).isdecimal():
            yield source.insert(number.end_byte, ".0")
