"""TypeScript: `await` in a function that isn't `async`, a `const` that is set again."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import CLOSERS, pieces
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.typescript.words import PIECE, SUFFIXES
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
        around = [at for at in around if _reaches(source.text, at, start)]
        for n, at in enumerate(around[:-3:-1]):
            reason = "the compiler allows `await` only in `async` functions"
            edits = (*replaced(source, at, at, "async "), *_promised(source, at))
            yield Suggestion(edits, reason, 0.65 - 0.25 * n)


def _reaches(text: str, at: int, start: int) -> bool:
    """Whether no bracket from before `at` closes up to `start`: a parameter's type may look like a function."""
    depth = 0
    for piece in pieces(PIECE, text, at, start):
        depth += (piece.text in CLOSERS) - (piece.text in CLOSERS.values())
        if depth < 0:
            return False
    return True


def _promised(source: SourceText, at: int) -> tuple[TextEdit, ...]:
    """What the function at `at` says it returns, as a promise of it: an `async` one gives nothing else."""
    end = re.compile(r"=>\s*\{?|\{").search(source.text, at)
    said = re.compile(r"\)\s*:\s*(?P<type>[^:]+?)\s*$").search(source.text, at, end.start() if end else at)
    if said is None or said["type"].startswith("Promise<"):
        return ()
    return replaced(source, *said.span("type"), f"Promise<{said['type']}>")
