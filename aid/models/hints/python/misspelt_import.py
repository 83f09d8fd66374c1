"""Python: a module or an imported name that isn't there and is nearly one that is."""

import re
import sys
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.python.names import module_of, top_level, words
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "misspelt import"
suffixes = (".py", ".pyi")

_NAME = re.compile(
    r"""cannot import name ['"](?P<name>\w+)['"] from (?:partially initialized module )?['"](?P<module>[\w.]+)['"]"""
    r"""|Module ['"](?P<mypy_module>[\w.]+)['"] has no attribute ['"](?P<mypy_name>\w+)['"]"""
)
_MODULE = re.compile(r"""No module named ['"]([\w.]+)['"]|module named ['"]([\w.]+)['"]""")
_MEANT = re.compile(r"(?:Did you mean|maybe):? ['\"](\w+)['\"]")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    missing, module = _NAME.search(said), _MODULE.search(said)
    modules = {module_of(each.path): each for each in sources if each.path.endswith(".py")}
    if missing:
        written = missing["name"] or missing["mypy_name"]
        home = modules.get(missing["module"] or missing["mypy_module"])
        known = top_level(home.text) if home else set()
        meant = [*_MEANT.findall(said), *nearly(written, known)]
    elif module:
        written = module[1] or module[2]
        meant = nearly(written, {*modules, *(each for each in sys.stdlib_module_names if not each.startswith("_"))})
    else:
        return
    places = words(source.text, written)
    if module and not places:
        package, _, written = written.rpartition(".")
        places = [(start + 1, end) for start, end in words(source.text, f".{written}")]
        meant = [each.removeprefix(f"{package}.") for each in meant if each.startswith(f"{package}.")]
    elif missing:
        places = [place for place in places if source.text[place[0] - 1 : place[0]] != "."]
    yield from corrections(source, places, meant, f"Python finds no `{written}` to import, but", 0.85)
