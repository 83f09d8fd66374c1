"""A function has got a new argument: no caller passes it yet, in any file."""

from collections.abc import Iterator

from tree_sitter import Node

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def _calls(source: Source, names: frozenset[str], arity: int) -> Iterator[list[Node]]:
    """The plain arguments of each full call of one of these names."""
    for call in source.nodes("application_expression"):
        function = call.child_by_field_name("function")
        plain = shapes.plain_arguments(call)
        if function is not None and source.text(function) in names and len(plain) == arity:
            yield plain


def sites(source: Source) -> Iterator[Edits]:
    for name in shapes.exported(source):
        parameters = shapes.plain_parameters(name)
        if len(parameters) < 2:
            continue
        calls = [
            (each, plain)
            for each in source.project.of_language("ocaml")
            for plain in _calls(each, shapes.names_from(each, source, source.text(name)), len(parameters))
        ]
        if calls and not shapes.overlapping([plain[0].parent for _, plain in calls]):
            new = source.random(name).randrange(len(parameters))
            yield tuple(edit for each, plain in calls for edit in each.drop(plain[new]))
