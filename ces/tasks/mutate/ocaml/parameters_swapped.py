"""A function that takes two of its parameters the other way round; its callers and its interface don't know."""

import itertools
from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for binding in source.nodes("let_binding"):
        parameters = shapes.children(binding, "parameter")
        for one, other in itertools.pairwise(parameters):
            if source.text(one) != source.text(other) and shapes.is_plain(one) and shapes.is_plain(other):
                yield source.swap(one, other)
