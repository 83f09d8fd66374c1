"""Python: an attribute that isn't there and is nearly one that is; the interpreter's own word comes first."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.python.names import attributes, module_of, said_lines, top_level
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "misspelt attribute"
suffixes = (".py", ".pyi")

_MISSING = re.compile(
    r"""(?P<module>module )?(?:type object )?['"](?P<owner>[\w.]+)['"] (?:object )?"""
    r"""has no attribute ['"](?P<name>\w+)['"]"""
)
_MEANT = re.compile(r"(?:Did you mean|maybe):? ((?:['\"]\w+['\"](?:, | or )?)+)")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    missing = _MISSING.search(said)
    if missing is None:
        return
    used = re.compile(rf"\.\s*(?<!\w)({re.escape(missing['name'])})(?!\w)")
    places = [found.span(1) for found in used.finditer(source.text, *said_lines(diagnostic, source.text))]
    meant = [other for listed in _MEANT.findall(said) for other in re.findall(r"\w{2,}", listed) if other != "or"]
    known = _known(missing["owner"], bool(missing["module"]), sources)
    reason = f"Python finds no `{missing['name']}` on `{missing['owner']}`, but"
    yield from corrections(source, places, [*meant, *nearly(missing["name"], known)], reason, 0.85)


def _known(owner: str, is_module: bool, sources: Sequence[SourceText]) -> set[str]:
    if not is_module:
        return attributes(sources, owner.rpartition(".")[2])
    return {
        each
        for source in sources
        if source.path.endswith(".py") and module_of(source.path) == owner
        for each in top_level(source.text)
    }
