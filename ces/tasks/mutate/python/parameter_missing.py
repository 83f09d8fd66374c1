"""A parameter gone that the body uses."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for parameters in source.nodes("parameters"):
        for parameter in parameters.named_children:
            if parameter.type in ("identifier", "typed_parameter", "default_parameter"):
                yield source.drop_item(parameter)
