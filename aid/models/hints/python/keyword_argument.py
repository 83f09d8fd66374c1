"""Python: a keyword argument that the function doesn't take and is nearly one it does."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.python.names import functions, said_lines
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "keyword argument"
suffixes = (".py", ".pyi")

_UNEXPECTED = re.compile(
    r"""(?P<function>[\w.]+)\(\) got an unexpected keyword argument ['"](?P<name>\w+)['"]"""
    r"""|Unexpected keyword argument ['"](?P<mypy_name>\w+)['"] for ['"](?P<mypy_function>[\w.]+)['"]"""
)
_MEANT = re.compile(r"[Dd]id you mean:? ['\"](\w+)['\"]")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    unexpected = _UNEXPECTED.search(said)
    if unexpected is None:
        return
    written = unexpected["name"] or unexpected["mypy_name"]
    function = (unexpected["function"] or unexpected["mypy_function"]).removesuffix(".__init__")
    known = {
        each.arg
        for _, node in functions(sources, function)
        for each in (*node.args.args, *node.args.kwonlyargs)
        if each.arg != "self"
    }
    start, _end = said_lines(diagnostic, source.text)
    place = re.compile(rf"(?<=[(,\s]){re.escape(written)}(?=\s*=(?!=))").search(source.text, start)
    meant = [*_MEANT.findall(said), *nearly(written, known)]
    reason = f"`{function}` takes no argument `{written}`, but"
    yield from corrections(source, [place.span()] if place else [], meant, reason, 0.88)
