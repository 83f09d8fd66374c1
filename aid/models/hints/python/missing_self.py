"""Python: a method written without `self`."""

import ast
import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.python.names import Function, parsed
from aid.models.hints.span import line_start, replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing self"
suffixes = (".py",)

_COUNT = re.compile(r"(\w+)\.(\w+)\(\) takes (\d+) positional arguments? but (\d+) (?:was|were) given")
_MYPY = re.compile(r'Did you forget the "self" argument|Self argument missing for a non-static method')
_NO_SELF = re.compile(r"""[Nn]ame ['"]self['"] is not defined""")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    count = _COUNT.search(said)
    if count and int(count[4]) != int(count[3]) + 1:
        return
    line = diagnostic.range.start_line + 1 if diagnostic.range else 0
    here = bool(_MYPY.search(said) or _NO_SELF.search(said))
    for each in sources if count else (source,):
        for owner, method in _methods_without_self(each):
            called = count is not None and (owner, method.name) == count.groups()[:2]
            if called or (here and method.lineno <= line <= (method.end_lineno or method.lineno)):
                reason = f"method `{owner}.{method.name}` takes no `self`"
                yield from _with_self(each, method, reason)


def _methods_without_self(source: SourceText) -> Iterable[tuple[str, Function]]:
    tree = parsed(source.text) if source.path.endswith(".py") else None
    for owner in ast.walk(tree) if tree else ():
        if not isinstance(owner, ast.ClassDef):
            continue
        for method in owner.body:
            if isinstance(method, Function) and not method.decorator_list:
                first = [*method.args.posonlyargs, *method.args.args][:1]
                if not first or first[0].arg not in ("self", "cls"):
                    yield owner.name, method


def _with_self(source: SourceText, method: Function, reason: str) -> Iterable[Suggestion]:
    head = re.compile(r"def\s+\w+\s*\(\s*(\)?)").search(source.text, line_start(source.text, method.lineno - 1))
    if head:
        at = head.end() - len(head[1])
        yield Suggestion(replaced(source, at, at, "self" if head[1] else "self, "), reason, 0.88)
