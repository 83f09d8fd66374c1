"""A function that asks for an argument nobody passes."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for parameters in source.nodes("parameters"):
        plain = [each for each in parameters.named_children if each.type in ("identifier", "typed_parameter")]
        if plain and "context" not in source.words:
            yield source.insert(plain[-1].end_byte, ", context")
