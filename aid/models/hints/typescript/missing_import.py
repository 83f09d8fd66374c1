"""TypeScript: a name that can't be found and that another source at hand exports."""

import posixpath
import re
from collections.abc import Iterable, Sequence

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


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    missing = _NOT_FOUND.search(flat(diagnostic))
    if missing is None:
        return
    for other in sources:
        if other.path == source.path or not other.path.endswith(SUFFIXES):
            continue
        if exports(other.text, missing[1]) or exports_default(other.text, missing[1]):
            module = _module(source, other)
            if _broken_import(source, module, other):
                continue
            reason = f"the compiler can't find `{missing[1]}`; {other.path} exports it"
            at, text = _imported(source.text, module, other, missing[1])
            yield Suggestion(replaced(source, at, at, text), reason, 0.8)


def _module(source: SourceText, other: SourceText) -> str:
    """The relative name of `other`, with the ending that the file's other imports have."""
    path = posixpath.relpath(other.path, posixpath.dirname(source.path) or ".")
    stem = re.sub(r"(?:\.d)?\.[cm]?[jt]sx?$", "", path)
    relative = [each.module for each in imports(source.text) if each.module.startswith(".")]
    ending = next((match[0] for each in relative if (match := re.search(r"\.[cm]?[jt]sx?$", each))), "")
    return (stem if stem.startswith(".") else f"./{stem}") + ending


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
