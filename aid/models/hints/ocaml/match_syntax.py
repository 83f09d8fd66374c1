"""OCaml: a "Syntax error" in match cases and constructors: a missing `|`, `fun` with cases, `A 1 2` for `A (1, 2)`."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.ocaml.syntax import Stop, stop
from aid.models.hints.ocaml.tokens import KEYWORDS
from aid.models.hints.span import line_bounds, replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "match syntax"
suffixes = (".ml",)

_ATOM = re.compile(r"[a-z_]\w*|\d[\w.]*|\"[^\"]*\"|'[^']'")
_PATTERN_START = re.compile(r"[A-Z]\w*|_|\[\]?|\d+|\"[^\"]*\"|`\w+")
_CASE_LINE = re.compile(r"[ \t]*((?!fun\b|let\b)(?:[A-Z`\[({\"'_\d]|[a-z_]\w* ->).*? -> .*)")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    where = stop(diagnostic, source)
    if where is None or where.token is None:
        return
    yield from _missing_bar(where, source)
    yield from _cases_of_fun(where, source)
    yield from _curried_constructor(where, source)


def _missing_bar(where: Stop, source: SourceText) -> Iterable[Suggestion]:
    if not {"with", "function"} & {token.text for token in where.before}:
        return
    start, end = line_bounds(source.text, where.token.start if where.token else 0)
    unbarred = _CASE_LINE.match(source.text, start, end)
    if unbarred and where.before[0].start < start:
        reason = f"the parser stopped in a case that may lack its `|`: `{unbarred[1]}`"
        yield Suggestion(replaced(source, unbarred.start(1), unbarred.start(1), "| "), reason, 0.8)
        return
    if where.at != "->":
        return
    for i in range(len(where.before) - 1, 0, -1):
        token = where.before[i]
        if token.text in ("|", "with", "function", "->", "fun"):
            return
        if _PATTERN_START.fullmatch(token.text) and where.before[i - 1].text != ".":
            reason = f"the parser stopped at `->`: the case `{token.text}` may lack its `|`"
            yield Suggestion(replaced(source, token.start, token.start, "| "), reason, 0.6)
            return


def _cases_of_fun(where: Stop, source: SourceText) -> Iterable[Suggestion]:
    """`fun` takes one case and plain patterns; `function` takes cases."""
    places = [i for i, token in enumerate(where.before) if token.text == "fun"]
    if not places:
        return
    fun, after = where.before[places[-1]], where.before[places[-1] + 1 :]
    constructor = len(after) == 1 and after[0].text[:1].isupper()
    if constructor or where.at == "|":
        reason = "the parser stopped in the cases of `fun`: `function` takes cases"
        yield Suggestion(replaced(source, fun.start, fun.end, "function"), reason, 0.75)


def _curried_constructor(where: Stop, source: SourceText) -> Iterable[Suggestion]:
    def is_atom(token: Token) -> bool:
        return bool(_ATOM.fullmatch(token.text)) and token.text not in KEYWORDS

    if where.token is None or not is_atom(where.token) or not where.before:
        return
    first = len(where.before)
    while first > 0 and is_atom(where.before[first - 1]):
        first -= 1
    arguments = [*where.before[first:], where.token]
    if len(arguments) > 1 and where.before[first - 1].text[:1].isupper():
        text = f"({', '.join(token.text for token in arguments)})"
        reason = "the parser stopped at a constructor's second argument: they stand in parentheses"
        yield Suggestion(replaced(source, arguments[0].start, arguments[-1].end, text), reason, 0.6)
