"""Python: a name that isn't defined and that a standard module is, or another source at hand defines."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from aid.models.backend import SourceText
from aid.models.hints.python.import_block import Wanted, insertion
from aid.models.hints.python.names import module_of, top_level
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing import"
suffixes = (".py", ".pyi")

_UNDEFINED = re.compile(r"""[Nn]ame ['"](\w+)['"] is not defined""")
_OFTEN_IMPORTED = {
    "abc": "ABC abstractmethod",
    "collections": "Counter OrderedDict defaultdict deque namedtuple",
    "collections.abc": "Callable Iterable Iterator Mapping Sequence",
    "contextlib": "contextmanager suppress",
    "copy": "copy deepcopy",
    "dataclasses": "dataclass field",
    "datetime": "date datetime timedelta timezone",
    "decimal": "Decimal",
    "enum": "Enum IntEnum StrEnum",
    "fractions": "Fraction",
    "functools": "cache cached_property lru_cache partial reduce wraps",
    "io": "BytesIO StringIO",
    "itertools": "chain groupby islice product zip_longest",
    "math": "ceil floor gcd isclose sqrt",
    "pathlib": "Path PurePath",
    "pprint": "pprint",
    "typing": "Any ClassVar Generic Literal NamedTuple Optional Protocol TypeVar Union cast",
    "unittest": "TestCase",
}
_HOMES = {each: module for module, names in _OFTEN_IMPORTED.items() for each in names.split()}


_DATE = re.compile(r"(?<![\w.])datetime\.(?:now|today|utcnow|combine|strptime|from\w+)\(")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    undefined = _UNDEFINED.search(flat(diagnostic))
    if undefined is None:
        return
    modules = {module_of(each.path): each for each in sources if each.path.endswith(".py") and each != source}
    own = frozenset(module.partition(".")[0] for module in modules)
    wanted = [*_standard(undefined[1], source.text), *_defined(undefined[1], modules)]
    for each, confidence in wanted:
        at, text = insertion(source.text, each, own)
        reason = f"Python doesn't know `{undefined[1]}`: `{each.statement}`"
        yield Suggestion(replaced(source, at, at, text), reason, confidence)


def _standard(name: str, text: str) -> Iterable[tuple[Wanted, float]]:
    """A module is used with a dot; `datetime` is a module and its class."""
    dotted = re.search(rf"(?<![\w.]){re.escape(name)}\.", text) is not None
    if name in _HOMES and not (dotted and name == _HOMES[name] and not _DATE.search(text)):
        yield Wanted(_HOMES[name], name), 0.88
    if name in sys.stdlib_module_names and not name.startswith("_"):
        yield Wanted(name), 0.9 if dotted and not (name == "datetime" and _DATE.search(text)) else 0.3


def _defined(name: str, modules: Mapping[str, SourceText]) -> Iterable[tuple[Wanted, float]]:
    """Surer than any name spelt nearly so; tests are imported from by nobody."""
    for module, each in modules.items():
        if name in top_level(each.text) and not module.rpartition(".")[2].startswith("test_"):
            yield Wanted(module, name), 0.92
