"""`1` where a float is meant."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for number in source.nodes("number"):
        whole, point, _ = source.text(number).partition(".")
        if point and whole.isdecimal():
            yield source.replace(number, whole)
