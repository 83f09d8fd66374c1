"""Python: a name that isn't defined and that a standard module is, or another source at hand defines."""

import ast
import re
import sys
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.python.names import module_of, parsed, top_level
from aid.models.hints.span import line_start, replaced
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
    "copy": "deepcopy",
    "dataclasses": "dataclass field",
    "datetime": "timedelta timezone",
    "decimal": "Decimal",
    "enum": "Enum IntEnum StrEnum",
    "fractions": "Fraction",
    "functools": "cache cached_property lru_cache partial reduce wraps",
    "io": "BytesIO StringIO",
    "itertools": "chain groupby islice product zip_longest",
    "math": "ceil floor gcd isclose sqrt",
    "pathlib": "Path PurePath",
    "typing": "Any ClassVar Generic Literal NamedTuple Optional Protocol TypeVar Union cast",
    "unittest": "TestCase",
}
_HOMES = {each: module for module, names in _OFTEN_IMPORTED.items() for each in names.split()}


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    undefined = _UNDEFINED.search(flat(diagnostic))
    if undefined is None:
        return
    wanted = undefined[1]
    statements = [(f"from {_HOMES[wanted]} import {wanted}", 0.88)] if wanted in _HOMES else []
    if wanted in sys.stdlib_module_names and not wanted.startswith("_"):
        statements.append((f"import {wanted}", 0.9))
    statements += [
        (f"from {module_of(each.path)} import {wanted}", 0.75)
        for each in sources
        if each.path.endswith(".py") and each.path != source.path and wanted in top_level(each.text)
    ]
    for statement, confidence in statements:
        at = _place(source.text, statement)
        reason = f"Python doesn't know `{wanted}`: `{statement}`"
        yield Suggestion(replaced(source, at, at, statement + "\n"), reason, confidence)


def _place(text: str, statement: str) -> int:
    """Before the first import that sorts after it, else after the last one, else under the docstring."""
    tree = parsed(text)
    body = tree.body if tree else []
    imports = [each for each in body if isinstance(each, ast.Import | ast.ImportFrom)]
    future = [each for each in imports if isinstance(each, ast.ImportFrom) and each.module == "__future__"]
    for each in imports:
        if (
            each not in future
            and (ast.get_source_segment(text, each) or "") > statement
            and isinstance(each, ast.Import if statement.startswith("import") else ast.ImportFrom)
        ):
            return line_start(text, each.lineno - 1)
    if imports:
        return line_start(text, imports[-1].end_lineno or imports[-1].lineno)
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return line_start(text, body[0].end_lineno or body[0].lineno)
    return 0
