"""The interface says another type than the implementation has."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source

_OTHER = {
    "int": "string",
    "string": "int",
    "bool": "int",
    "float": "int",
    "unit": "bool",
    "char": "string",
    "list": "option",
    "option": "list",
    "array": "list",
}


def sites(source: Source) -> Iterator[Edits]:
    interface = source.project.beside(source, ".mli")
    if interface is None:
        return
    for value in interface.nodes("value_specification"):
        types = [node for node in shapes.inside(value, "type_constructor") if interface.text(node) in _OTHER]
        if types:
            node = interface.random(value).choice(types)
            yield interface.replace(node, _OTHER[interface.text(node)])
