"""An imported name mistyped."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for specifier in source.nodes("import_specifier"):
        name = specifier.child_by_field_name("name")
        if name is not None:
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None:
                yield source.replace(name, wrong)
