"""A value without its `Some`, `Ok` or `Err`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("call_expression"):
        function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
        if function is not None and source.text(function) in ("Some", "Ok", "Err") and arguments is not None:
            yield source.replace(call, source.text(arguments)[1:-1])
