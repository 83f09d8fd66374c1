"""A field that is assigned to isn't mutable any more."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for field in source.nodes("field_declaration"):
        for keyword in shapes.children(field, "mutable"):
            yield source.edit(keyword.start_byte, keyword.end_byte + 1, "")
