"""Two neighbouring arguments of a call the wrong way round."""

import itertools
from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("application_expression"):
        plain = shapes.plain_arguments(call)
        for one, other in itertools.pairwise(plain):
            if source.text(one) != source.text(other):
                yield source.swap(one, other)
