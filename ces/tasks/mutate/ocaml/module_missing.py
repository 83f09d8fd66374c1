"""A name used without the module it is in."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for path in source.nodes("value_path", "constructor_path", "field_path", "type_constructor_path"):
        module = next(iter(shapes.children(path, "module_path", "extended_module_path")), None)
        if module is not None:
            yield source.edit(module.start_byte, path.named_children[-1].start_byte, "")
