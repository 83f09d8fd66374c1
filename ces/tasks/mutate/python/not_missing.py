"""A condition without its `not`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for expression in source.nodes("not_operator"):
        argument = expression.child_by_field_name("argument")
        if argument is not None:
            yield source.replace(expression, source.text(argument))
    for token in source.nodes("not in", "is not"):
        yield source.replace(token, source.text(token).replace("not", "").strip())
