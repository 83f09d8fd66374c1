"""The wrong conversion in a format."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {"d": "s", "s": "d", "f": "d", "c": "s", "i": "s", "x": "s", "S": "d"}


def sites(source: Source) -> Iterator[Edits]:
    for conversion in source.nodes("conversion_specification"):
        text = source.text(conversion)
        if text[-1] in _OTHER:
            yield source.replace(conversion, text[:-1] + _OTHER[text[-1]])
