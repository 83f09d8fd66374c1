"""A block's head without its colon."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(":"):
        following = token.next_sibling
        if following is not None and following.type in ("block", "comment") and source.text(token) == ":":
            yield source.drop(token)
