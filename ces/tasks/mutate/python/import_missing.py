"""A module or a name that isn't imported any more."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for statement in source.nodes("import_statement"):
        yield source.whole_lines(statement)
    for statement in source.nodes("import_from_statement"):
        names = statement.children_by_field_name("name")
        for name in names:
            yield source.drop_item(name) if len(names) > 1 else source.whole_lines(statement)
