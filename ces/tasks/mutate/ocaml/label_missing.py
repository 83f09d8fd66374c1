"""A labelled argument passed without its label, among others."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for argument in source.nodes("labeled_argument"):
        value = argument.child_by_field_name("expression")
        if value is not None:
            yield source.replace(argument, source.text(value))
