"""TypeScript: a name that can't be found and that another source at hand exports."""

import posixpath
import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, replaced
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.typescript.words import SUFFIXES, exports
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing import"
suffixes = SUFFIXES

_NOT_FOUND = re.compile(r"Cannot find name '([\w$]+)'")
_IMPORT = re.compile(r"^import\b[^;]*?from\s*(['\"])(?P<module>[^'\"]+)\1;?[^\n]*$", re.MULTILINE)


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    missing = _NOT_FOUND.search(flat(diagnostic))
    if missing is None:
        return
    for other in sources:
        if other.path != source.path and other.path.endswith(SUFFIXES) and exports(other.text, missing[1]):
            module = _module(source, other)
            if _broken_import(source, module, other):
                continue
            reason = f"the compiler can't find `{missing[1]}`; {other.path} exports it"
            yield Suggestion((_imported(source, module, missing[1]),), reason, 0.8)


def _module(source: SourceText, other: SourceText) -> str:
    """The relative name of `other`, with the ending that the file's other imports have."""
    path = posixpath.relpath(other.path, posixpath.dirname(source.path) or ".")
    stem = re.sub(r"(?:\.d)?\.[cm]?[jt]sx?$", "", path)
    relative = [found["module"] for found in _IMPORT.finditer(source.text) if found["module"].startswith(".")]
    ending = next((match[0] for each in relative if (match := re.search(r"\.[cm]?[jt]sx?$", each))), "")
    return (stem if stem.startswith(".") else f"./{stem}") + ending


def _broken_import(source: SourceText, module: str, other: SourceText) -> bool:
    """Whether a name imported from `other` isn't there: its own diagnostic says so, and mends this one too."""
    found = re.search(
        rf"^import\s+(?:type\s+)?\{{([^}}]*)\}}\s*from\s*['\"]{re.escape(module)}['\"]", source.text, re.M
    )
    names = re.findall(r"(?:^|,)\s*(?:type\s+)?([\w$]+)", found[1]) if found else []
    return not all(exports(other.text, each) for each in names)


def _imported(source: SourceText, module: str, wanted: str) -> TextEdit:
    imports = list(_IMPORT.finditer(source.text))
    for found in imports:
        names = re.search(r"\{([^}]*?),?\s*\}", found[0])
        if found["module"] == module and names and "import type" not in found[0]:
            at = found.start() + names.end(1)
            return TextEdit(source.path, at, at, f", {wanted}")
    quote = imports[0][1] if imports else '"'
    line = f"import {{ {wanted} }} from {quote}{module}{quote};\n"
    at = line_bounds(source.text, imports[-1].end())[1] + 1 if imports else 0
    return replaced(source, min(at, len(source.text)), min(at, len(source.text)), line)[0]
