"""`@` where an element is put before a list, `::` where two lists are joined."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes("::", "concat_operator"):
        if token.parent is not None and token.parent.type in ("cons_expression", "infix_expression"):
            other = {"::": "@", "@": "::"}.get(source.text(token))
            if other is not None:
                yield source.replace(token, other)
