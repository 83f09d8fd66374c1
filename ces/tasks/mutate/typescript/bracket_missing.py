"""A closing bracket left out."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(")", "]", "}"):
        if token.parent is not None and token.parent.type not in ("template_substitution",):
            yield source.drop(token)
