"""A match without one of its arms."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for block in source.nodes("match_block"):
        for arm in block.named_children:
            if arm.type == "match_arm":
                yield source.whole_lines(arm)
