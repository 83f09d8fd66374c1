"""`let` where a `let*` or `let+` binds."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for operator in source.nodes("let_operator"):
        if operator.parent is not None and operator.parent.type == "value_definition":
            yield source.replace(operator, "let")
