"""A keyword mistyped."""

from collections.abc import Iterator

from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.source import Edits, Source

_KEYWORDS = ("let", "match", "with", "then", "else", "function", "fun", "type", "module", "struct", "open", "begin")


def sites(source: Source) -> Iterator[Edits]:
    for token in source.nodes(*_KEYWORDS):
        wrong = misspell(source.text(token), source.random(token), _KEYWORDS)
        if wrong is not None:
            yield source.replace(token, wrong)
