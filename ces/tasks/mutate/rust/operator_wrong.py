"""A comparison, a connective or a calculation the wrong way round."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {"<": ">", ">": "<", "<=": "<", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+"}


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(*_OTHER):
        if token.parent is not None and token.parent.type == "binary_expression":
            yield source.replace(token, _OTHER[token.type])
