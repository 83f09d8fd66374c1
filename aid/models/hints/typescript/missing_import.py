"""TypeScript: a name that can't be found and that another source at hand exports."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.typescript.imports import imported, imports, insertion, joined
from aid.models.hints.typescript.words import SUFFIXES, declares_type, exports, exports_default
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing import"
suffixes = SUFFIXES

_NOT_FOUND = re.compile(r"Cannot find name '([\w$]+)'")
_ENDING = re.compile(r"\.[cm]?[jt]sx?$")
_NODE = re.compile(r"\"module(?:Resolution)?\"\s*:\s*\"node(?:16|18|20|next)\"", re.IGNORECASE)


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    missing = _NOT_FOUND.search(flat(diagnostic))
    if missing is None:
        return
    for other in sources:
        if other.path == source.path or not other.path.endswith(SUFFIXES):
            continue
        if exports(other.text, missing[1]) or exports_default(other.text, missing[1]):
            module = _module(source, other, sources)
            if _broken_import(source, module, other):
                continue
            reason = f"the compiler can't find `{missing[1]}`; {other.path} exports it"
            at, text = _imported(source.text, module, other, missing[1])
            yield Suggestion(replaced(source, at, at, text), reason, 0.8)


def _module(source: SourceText, other: SourceText, sources: Sequence[SourceText]) -> str:
    """The relative name of `other`, with the ending that other imports have: this file's, else the others'."""
    path = posixpath.relpath(other.path, posixpath.dirname(source.path) or ".")
    stem = re.sub(r"(?:\.d)?\.[cm]?[jt]sx?$", "", path)
    return (stem if stem.startswith(".") else f"./{stem}") + next(_endings([source, *sources]), "")


def _endings(sources: Sequence[SourceText]) -> Iterator[str]:
    """How relative imports end, source by source; `.js` where a tsconfig asks for Node's rules."""
    for each in sources:
        if each.path.endswith(SUFFIXES):
            relative = [found.module for found in imports(each.text) if found.module.startswith(".")]
            yield from (match[0] if (match := _ENDING.search(module)) else "" for module in relative)
        elif posixpath.basename(each.path).startswith("tsconfig") and _NODE.search(each.text):
            yield ".js"


def _broken_import(source: SourceText, module: str, other: SourceText) -> bool:
    """Whether a name imported from `other` isn't there: its own diagnostic says so, and mends this one too."""
    names = [imported(name) for each in imports(source.text) if each.module == module for name in each.names]
    return not all(exports(other.text, name) for name in names)


def _imported(text: str, module: str, other: SourceText, wanted: str) -> tuple[int, str]:
    """A type joins `import type`, or gets one where the file has any; a default export has no braces."""
    if exports_default(other.text, wanted):
        return insertion(text, module, wanted)
    there = imports(text)
    typed = declares_type(other.text, wanted) and any(each.type_only for each in there)
    same = [each for each in there if each.module == module and each.names and each.type_only == typed]
    if same:
        return joined(text, same[0], wanted)
    clause = f"type {{ {wanted} }}" if typed else f"{{ {wanted} }}"
    return insertion(text, module, clause)
