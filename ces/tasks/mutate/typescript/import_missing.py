"""A module or a name that isn't imported any more."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for statement in source.nodes("import_statement"):
        yield source.whole_lines(statement)
    for name in source.nodes("import_specifier"):
        yield source.drop_item(name)
