"""A match without one of its cases."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for match in source.nodes("match_expression", "function_expression"):
        cases = shapes.children(match, "match_case")
        if len(cases) < 2:
            continue
        for at, case in enumerate(cases):
            bar = case.prev_sibling if case.prev_sibling is not None and case.prev_sibling.type == "|" else None
            if bar is not None:
                yield source.edit(len(source.content[: bar.start_byte].rstrip()), case.end_byte, "")
            elif at + 1 < len(cases):
                yield source.edit(case.start_byte, cases[at + 1].start_byte, "")
