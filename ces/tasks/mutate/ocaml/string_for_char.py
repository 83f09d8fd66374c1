"""A string where a character is meant."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for character in source.nodes("character"):
        inner = source.text(character)[1:-1]
        if inner != '"':
            yield source.replace(character, f'"{inner}"')
