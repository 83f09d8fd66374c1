"""A value without its constructor: `x` for `Some x`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("application_expression"):
        function = call.child_by_field_name("function")
        argument = call.child_by_field_name("argument")
        if function is not None and argument is not None and function.type == "constructor_path":
            yield source.replace(call, source.text(argument))
