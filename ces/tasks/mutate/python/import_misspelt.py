"""An imported name mistyped."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for statement in source.nodes("import_from_statement"):
        for name in statement.children_by_field_name("name"):
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None and name.type == "dotted_name":
                yield source.replace(name, wrong)
