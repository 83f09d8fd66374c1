"""A line indented less than its block."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for block in source.nodes("block"):
        for statement in block.named_children[1:]:
            start = source.content.rfind(b"\n", 0, statement.start_byte) + 1
            blanks = statement.start_byte - start
            if blanks > 1 and source.content[start : statement.start_byte].isspace():
                yield source.edit(start, start + source.random(statement).randint(1, blanks - 1), "")
