"""An annotation with another type than the value has."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source

_TYPED = ("typed_pattern", "typed_expression", "let_binding")
_OTHER = {"int": "string", "string": "int", "bool": "int", "float": "int", "unit": "bool", "list": "option"}


def sites(source: Source) -> Iterator[Edits]:
    for name in source.nodes("type_constructor"):
        path = name.parent
        typed = any(
            around.type in ("typed_pattern", "typed_expression", "let_binding") for around in shapes.around(name)[:4]
        )
        if path is not None and path.type == "type_constructor_path" and typed and source.text(path) in _OTHER:
            yield source.replace(path, _OTHER[source.text(path)])
