"""Another constructor of the same type."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    kin = shapes.sibling_constructors(source)
    for path in source.nodes("constructor_path"):
        name = source.text(path)
        others = sorted(kin.get(name, set()) - {name})
        if others:
            yield source.replace(path, source.random(path).choice(others))
