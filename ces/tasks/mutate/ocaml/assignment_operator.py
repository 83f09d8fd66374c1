"""`=` where `:=` or `<-` assigns."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes("assign_operator", "<-"):
        yield source.replace(token, "=")
