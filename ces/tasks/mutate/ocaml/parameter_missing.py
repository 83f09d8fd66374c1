"""A parameter gone that the body uses."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for binding in source.nodes("let_binding"):
        parameters = shapes.children(binding, "parameter")
        for parameter in parameters:
            name = shapes.parameter_name(source, parameter)
            if name is not None and not name.startswith("_"):
                yield source.drop(parameter)
