"""An option used as what it holds."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for pattern in source.nodes("constructor_pattern"):
        inner = pattern.child_by_field_name("pattern")
        if inner is not None and source.text(pattern).startswith("Some"):
            yield source.replace(pattern, source.text(inner))
    for call in source.nodes("application_expression"):
        function = call.child_by_field_name("function")
        plain = shapes.plain_arguments(call)
        if function is not None and source.text(function) in ("Option.get", "Option.value") and len(plain) == 1:
            yield source.replace(call, source.text(plain[0]))
