"""A number one too large."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for number in source.nodes("integer_literal"):
        if source.text(number).isdecimal():
            yield source.replace(number, str(int(source.text(number)) + 1))
