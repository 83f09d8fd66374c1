"""A name mistyped where it is used."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.source import Edits, Source

_USES = (
    "call_expression",
    "arguments",
    "binary_expression",
    "reference_expression",
    "field_expression",
    "return_expression",
    "index_expression",
    "scoped_identifier",
    "match_expression",
    "unary_expression",
)


def sites(source: Source) -> Iterator[Edits]:
    for name in source.nodes("identifier"):
        wrong = misspell(source.text(name), source.random(name), source.words)
        if wrong is not None and name.parent is not None and name.parent.type in _USES:
            yield source.replace(name, wrong)
