"""A number where a text is meant, a text where a number is."""

from collections.abc import Iterator

from ces.tasks.mutate.python import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for value in source.nodes("integer"):
        yield source.replace(value, f'"{source.text(value)}"')
    for call in source.nodes("call"):
        function, arguments = call.child_by_field_name("function"), shapes.plain_arguments(call)
        if function is not None and source.text(function) in ("str", "int", "float", "list") and len(arguments) == 1:
            yield source.replace(call, source.text(arguments[0]))
