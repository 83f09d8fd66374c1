"""Two items in a row without the comma between them."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_LISTS = ("array", "object", "arguments", "formal_parameters", "named_imports")


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(","):
        if token.parent is not None and token.parent.type in _LISTS and token.next_named_sibling is not None:
            yield source.drop(token)
