"""A comparison, a connective or a calculation the wrong way round."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {"<": ">", ">": "<", "<=": "<", ">=": ">", "=": "<>", "<>": "=", "&&": "||", "||": "&&", "+": "-", "-": "+"}


def sites(source: Source) -> Iterator[Edits]:
    for operator in source.nodes("rel_operator", "add_operator", "and_operator", "or_operator"):
        other = _OTHER.get(source.text(operator))
        if other is not None:
            yield source.replace(operator, other)
