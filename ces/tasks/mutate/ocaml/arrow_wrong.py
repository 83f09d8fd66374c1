"""`=>` for the arrow of a case or a function."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for arrow in source.nodes("->"):
        if arrow.parent is not None and arrow.parent.type in ("match_case", "fun_expression"):
            yield source.replace(arrow, "=>")
