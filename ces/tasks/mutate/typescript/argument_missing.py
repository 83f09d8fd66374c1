"""A call without one of its arguments."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for arguments in source.nodes("arguments"):
        for argument in arguments.named_children:
            if argument.type != "comment":
                yield source.drop_item(argument)
