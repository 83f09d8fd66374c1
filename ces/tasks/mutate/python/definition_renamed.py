"""A function or a class renamed; who uses it not."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for definition in source.nodes("function_definition", "class_definition"):
        name = definition.child_by_field_name("name")
        if name is not None and not source.text(name).startswith("__"):
            wrong = misspell(source.text(name), source.random(name), source.words)
            if wrong is not None:
                yield source.replace(name, wrong)
