"""The interface of a breakage: one module each, whose docstring says what it breaks."""

from collections.abc import Iterator
from typing import Protocol

from ces.tasks.mutate.source import Edits, Source


class Mutator(Protocol):
    """`sites` gives every place of a file where the breakage can be made, each as edits that make it.

    Edits may lie in other files of the project too. It needn't be red: what the build says decides.
    """

    __name__: str

    def sites(self, source: Source, /) -> Iterator[Edits]: ...


def kind_of(mutator: Mutator) -> str:
    """ "rec-missing" for the module ces.tasks.mutate.ocaml.rec_missing."""
    return mutator.__name__.rpartition(".")[2].replace("_", "-")
