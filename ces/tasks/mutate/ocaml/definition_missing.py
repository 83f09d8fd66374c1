"""A definition gone that the interface has."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    if source.project.beside(source, ".mli") is None:
        return
    for name in shapes.exported(source):
        definition = name.parent.parent if name.parent is not None else None
        if definition is not None and len(shapes.children(definition, "let_binding")) == 1:
            yield source.whole_lines(definition)
