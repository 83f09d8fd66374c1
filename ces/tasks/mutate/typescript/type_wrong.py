"""Another type than the value has."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {"number": "string", "string": "number", "boolean": "number", "void": "string"}


def sites(source: Source) -> Iterator[Edits]:
    for name in source.nodes("predefined_type"):
        if source.text(name) in _OTHER:
            yield source.replace(name, _OTHER[source.text(name)])
