"""OCaml: a bare "Syntax error" after a local `let` that has no `in`."""

from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.ocaml.syntax import Stop, layout_end, stop
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "missing in"
suffixes = (".ml",)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    where = stop(diagnostic, source)
    if where is None or "expected" in diagnostic.message:
        return
    for opener in _without_in(where):
        before = where.before if where.token is None else (*where.before, where.token)
        last = layout_end(source.text, opener, before)
        if last is None:
            continue
        reason = (
            f"the parser stopped, and the `let` of line {source.text.count(chr(10), 0, opener.start) + 1} has no `in`"
        )
        edit = replaced(source, last.end, last.end, " in")
        if last.text == ";":
            edit = replaced(source, last.start, last.end, " in")
        yield Suggestion(edit, reason, 0.75)


def _without_in(where: Stop) -> list[Token]:
    """The local `let`s before the error that no `in` follows, innermost first. A top-level one needs none."""
    waiting: list[Token] = []
    for token in where.before[1:]:
        if token.text == "let":
            waiting.append(token)
        elif token.text == "in" and waiting:
            waiting.pop()
        elif token.text in ("struct", "sig"):
            waiting.clear()
    return waiting[::-1]
