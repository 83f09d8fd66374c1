"""A library left out of a dune file."""

import re
from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_LIBRARIES = re.compile(rb"\(libraries\b([^()]*)\)")
_WORD = re.compile(rb"\s+[\w.-]+")


def sites(source: Source) -> Iterator[Edits]:
    if not source.path.endswith("dune"):
        return
    for stanza in _LIBRARIES.finditer(source.content):
        for word in _WORD.finditer(source.content, stanza.start(1), stanza.end(1)):
            yield source.edit(word.start(), word.end(), "")
