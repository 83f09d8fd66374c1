"""TypeScript: `await` in a function that isn't `async`, a `const` that is set again."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.typescript.words import SUFFIXES
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "declaration"
suffixes = SUFFIXES

_CONSTANT = re.compile(r"Cannot assign to '([\w$]+)' because it is a constant")
_FUNCTION = re.compile(
    r"""(?<!async )(?P<at>)(?:
        \bfunction\b
      | (?<![\w$])\([^()]*\)(?:\s*:[^=()]+)?\s*=>
      | (?<=[ ])(?<!function\ )(?!if\b|for\b|while\b|switch\b|catch\b|async\b)[\w$]+\([^()]*\)(?:\s*:[^={()]+)?\s*\{$
    )""",
    re.VERBOSE | re.MULTILINE,
)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    start, _end = said_span(diagnostic, source.text)
    constant = _CONSTANT.search(said)
    if constant:
        declared = list(re.finditer(rf"\bconst(?=\s+{re.escape(constant[1])}(?![\w$]))", source.text))
        if len(declared) == 1:
            reason = f"the compiler says that `{constant[1]}` is constant and is set again: `let`"
            yield Suggestion(replaced(source, *declared[0].span(), "let"), reason, 0.8)
    elif "'await' expressions are only allowed within async functions" in said:
        around = [found.end("at") for found in _FUNCTION.finditer(source.text, 0, start)]
        for n, at in enumerate(around[:-3:-1]):
            reason = "the compiler allows `await` only in `async` functions"
            yield Suggestion(replaced(source, at, at, "async "), reason, 0.65 - 0.25 * n)
