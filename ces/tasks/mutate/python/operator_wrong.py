"""A comparison, a connective or a calculation the wrong way round."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {
    "<": ">",
    ">": "<",
    "<=": "<",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "and": "or",
    "or": "and",
    "+": "-",
    "-": "+",
}
_OPERATIONS = ("comparison_operator", "boolean_operator", "binary_operator")


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(*_OTHER):
        if token.parent is not None and token.parent.type in _OPERATIONS:
            yield source.replace(token, _OTHER[token.type])
