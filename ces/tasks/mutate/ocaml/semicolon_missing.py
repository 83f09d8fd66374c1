"""Two expressions in a row without the semicolon between them."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_SEPARATED = ("sequence_expression", "list_expression", "record_expression")


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(";"):
        if token.parent is not None and token.parent.type in (
            "sequence_expression",
            "list_expression",
            "record_expression",
        ):
            yield source.drop(token)
