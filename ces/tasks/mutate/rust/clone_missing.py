"""A value moved that is needed again: without its `.clone()`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("call_expression"):
        function = call.child_by_field_name("function")
        value = function.child_by_field_name("value") if function is not None else None
        if value is not None and source.text(call).endswith(".clone()"):
            yield source.replace(call, source.text(value))
