"""TypeScript: "Did you mean 'x'?", and a property that isn't there and is nearly one of its type's."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.span import said_span
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.typescript.words import SUFFIXES, exports, occurrences, said_word
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "did you mean"
suffixes = SUFFIXES

_MEANT = re.compile(r"Did you mean (?:to write |the (?:instance|static) member )?['\"]([\w$.]+)['\"]\?")
_NO_PROPERTY = re.compile(r"Property '([\w$]+)' does not exist on type '([\w$]+)'\.$")
_PATH = re.compile(r"^Relative import paths need explicit file extensions.* Did you mean '([^']+)'\?")
_QUOTED = re.compile(r"['\"]([^'\"\n]+)['\"]")
_EXPORT = re.compile(r"has no exported member")
_MEMBER = re.compile(r"(?:^|[{;,])\s*(?:readonly |private |public |protected |static |async )*([\w$]+)\s*[?(:=!]", re.M)


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    yield from _path(diagnostic, source)
    place = said_word(diagnostic, source)
    if place is None:
        return
    written = source.text[slice(*place)]
    meant, missing = _MEANT.search(said), _NO_PROPERTY.search(said)
    if meant and meant[1] != written:
        everywhere = occurrences(source.text, written) if _EXPORT.search(said) else [place]
        edits = tuple(TextEdit(source.path, *each, meant[1]) for each in everywhere)
        reason = f"the compiler asks whether `{written}` should be `{meant[1]}`"
        parsing = re.fullmatch(r"TS1\d{3}", diagnostic.code or "") is not None
        yield Suggestion(edits, reason, 0.5 if _exported(written, source, sources) else 0.9, alone=parsing)
    elif missing and missing[1] == written:
        reason = f"type `{missing[2]}` has no `{written}`, but"
        yield from corrections(source, [place], nearly(written, _members(missing[2], sources)), reason, 0.85)


def _path(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    """A relative import without its ending: tsc names the path with it."""
    meant = _PATH.search(flat(diagnostic))
    start, _end = said_span(diagnostic, source.text)
    written = _QUOTED.match(source.text, start)
    if meant and written:
        yield from corrections(
            source, [written.span(1)], [meant[1]], f"the compiler asks whether `{written[1]}` should be", 0.92
        )


def _exported(written: str, source: SourceText, sources: Sequence[SourceText]) -> bool:
    """Whether another source exports the name as it is written: then an import is missing."""
    return any(exports(each.text, written) for each in sources if each.path != source.path)


def _members(kind: str, sources: Sequence[SourceText]) -> set[str]:
    """The names declared in the bodies of the interfaces, types and classes called `kind`."""
    head = re.compile(rf"\b(?:interface|class|type)\s+{re.escape(kind)}\b[^{{;]*\{{")
    found: set[str] = set()
    for source in sources:
        for start in head.finditer(source.text):
            at, depth = start.end(), 1
            while at < len(source.text) and depth:
                depth += {"{": 1, "}": -1}.get(source.text[at], 0)
                at += 1
            found |= set(_MEMBER.findall(source.text, start.end() - 1, at))
    return found
