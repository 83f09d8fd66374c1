"""OCaml: an unbound name that a neighbouring module of the workspace defines is qualified with that module."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "other module's name"
suffixes = (".ml", ".mli")

_UNBOUND = re.compile(r"Unbound (value|constructor|record field|type constructor|module) ([\w']+)(?:\s|$)")
_DEFINITION = {
    "value": r"^(?:let(?:\s+rec)?|and|val|external)\s+{0}(?![\w'])",
    "constructor": r"^(?:type\b|\s*\|).*?(?<![\w'.]){0}(?![\w'.])",
    "record field": r"^(?:type\b|\s|\{{).*?(?<![\w'.]){0}\s*:(?![:=])",
    "type constructor": r"^(?:type|and)\s+(?:nonrec\s+)?(?:\([^)]*\)\s*|'\w+\s+)?{0}(?![\w'])",
    "module": r"^module\s+{0}(?![\w'])",
}


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _UNBOUND.search(flat(diagnostic))
    if said is None:
        return
    kind, unbound = said.groups()
    start, end = said_span(diagnostic, source.text)
    if not re.match(rf"{re.escape(unbound)}(?![\w'])", source.text[start:end]):
        return
    definition = re.compile(_DEFINITION[kind].format(re.escape(unbound)), re.MULTILINE)
    for other in _interfaces(source, sources):
        if definition.search(other.text):
            prefix = _path(source, other, sources)
            reason = f"the compiler doesn't know {kind} `{unbound}`; {other.path} defines it"
            yield Suggestion(replaced(source, start, start, f"{prefix}."), reason, 0.6)


def _interfaces(source: SourceText, sources: Sequence[SourceText]) -> list[SourceText]:
    """The other modules, each as its .mli where that is at hand: what an .mli leaves out can't be named."""
    paths = {each.path for each in sources}
    own = PurePosixPath(source.path).with_suffix("")
    return [
        each
        for each in sources
        if each.path.endswith(suffixes)
        and PurePosixPath(each.path).with_suffix("") != own
        and (each.path.endswith(".mli") or f"{each.path}i" not in paths)
    ]


def _path(source: SourceText, other: SourceText, sources: Sequence[SourceText]) -> str:
    """How `source` names `other`'s module: alone beside it, else under its library's name."""
    there = PurePosixPath(other.path)
    module = there.stem[:1].upper() + there.stem[1:]
    if there.parent == PurePosixPath(source.path).parent:
        return module
    dune = next((each.text for each in sources if PurePosixPath(each.path) == there.parent / "dune"), "")
    library = re.search(r"\(library\b.*?\(name\s+(\w+)", dune, re.DOTALL)
    if library is None or library[1].lower() == module.lower():
        return module
    return f"{library[1][:1].upper()}{library[1][1:]}.{module}"
