"""Breakages of a green project, by the language of the file that is broken. Pure: files in, changes out.

A breakage is one module with a function `sites`; the modules of a language are listed in its package.
"""

from collections.abc import Collection, Iterator

import msgspec

from ces.tasks.mutate import ocaml, python, rust, typescript
from ces.tasks.mutate.grammars import language_of
from ces.tasks.mutate.mutator import Mutator, kind_of
from ces.tasks.mutate.source import Edits, Project, Source, changes

__all__ = ["MUTATORS", "Mutation", "Project", "changes", "kinds", "mutations"]

MUTATORS: dict[str, tuple[Mutator, ...]] = {
    "ocaml": ocaml.MUTATORS,
    "python": python.MUTATORS,
    "rust": rust.MUTATORS,
    "typescript": typescript.MUTATORS,
}


class Mutation(msgspec.Struct, frozen=True):
    """A project broken in one place of the file at `path` (or in all the places of one cause)."""

    kind: str
    path: str
    edits: Edits


def kinds() -> list[str]:
    """The kinds of all languages."""
    return sorted({kind_of(mutator) for mutators in MUTATORS.values() for mutator in mutators})


def mutations(project: Project, only: Collection[str] = (), among: Collection[str] | None = None) -> Iterator[Mutation]:
    """Every mutation of the project, file by file, of the kinds `only` (none: all).

    Only files `among` these are broken (None: all); the others are looked at. `changes` says what one does.
    """
    for path, source in project.sources.items():
        if among is not None and path not in among:
            continue
        for mutator in MUTATORS.get(_language(path), ()):
            kind = kind_of(mutator)
            if not only or kind in only:
                yield from (Mutation(kind, path, edits) for edits in _sites(mutator, source, among))


def _sites(mutator: Mutator, source: Source, among: Collection[str] | None) -> Iterator[Edits]:
    """What a mutator finds, each once."""
    seen: set[Edits] = set()
    for edits in mutator.sites(source):
        if edits not in seen and (among is None or all(edit.path in among for edit in edits)):
            seen.add(edits)
            yield edits


def _language(path: str) -> str:
    if path.rpartition("/")[2] == "dune":
        return "ocaml"
    grammar = language_of(path)
    return "" if grammar is None else grammar.name
