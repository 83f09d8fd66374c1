"""A variable that is changed isn't mutable any more."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for keyword in source.nodes("mutable_specifier"):
        yield source.edit(keyword.start_byte, keyword.end_byte + 1, "")
