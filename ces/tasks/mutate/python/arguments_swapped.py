"""Two neighbouring arguments of a call the wrong way round."""

import itertools
from collections.abc import Iterator

from ces.tasks.mutate.python import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("call"):
        for one, other in itertools.pairwise(shapes.plain_arguments(call)):
            if source.text(one) != source.text(other):
                yield source.swap(one, other)
