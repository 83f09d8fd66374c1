"""Two items in a row without the comma between them."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_LISTS = ("list", "tuple", "dictionary", "set", "argument_list", "parameters")


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(","):
        following = token.next_named_sibling
        if token.parent is not None and token.parent.type in _LISTS and following is not None:
            yield source.drop(token)
