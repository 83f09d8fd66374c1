"""A statement without its semicolon."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(";"):
        if token.parent is not None and token.parent.type in (
            "let_declaration",
            "expression_statement",
            "use_declaration",
        ):
            yield source.drop(token)
