"""A variable that nobody uses."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for binding in source.nodes("let_binding"):
        body = binding.child_by_field_name("body")
        parameters = shapes.children(binding, "parameter")
        names = [name for each in parameters if (name := shapes.parameter_name(source, each)) is not None]
        if body is not None and names:
            yield source.insert(body.start_byte, f"let unused_{names[0].strip('_')} = {names[0]} in ")
