"""OCaml: a "Syntax error" at a token that another language writes there, or that is one too many.

`=>` for `->`, `=` for `->` in a match case, `->` for `=` in a definition, `'text'` for `"text"`, `;` before `else`, a
closing bracket that nothing opened.
"""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.syntax import Stop, stop
from aid.models.hints.ocaml.tokens import CLOSERS, unclosed
from aid.models.hints.span import line_bounds, replaced
from aid.models.hints.suggestion import Suggestion
from ces.verdict import Diagnostic

name = "wrong token"
suffixes = (".ml", ".mli")

_QUOTED = re.compile(r"'([^'\n\\\"]{2,})'")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    where = stop(diagnostic, source)
    if where is None or where.token is None:
        return
    token = where.token
    instead = _instead(where)
    if instead is not None:
        reason = f"the parser stopped at `{token.text}`, where `{instead}` may stand"
        yield Suggestion(replaced(source, token.start, token.end, instead), reason, 0.85)
    quoted = _QUOTED.match(source.text, token.start)
    if quoted:
        reason = f'the parser stopped at `\'`: text stands in double quotes, "{quoted[1]}"'
        yield Suggestion(replaced(source, *quoted.span(), f'"{quoted[1]}"'), reason, 0.85)
    if token.text == "else" and where.last == ";":
        semicolon = where.before[-1]
        reason = "the parser stopped at `else`: the `;` before it ends the `if`"
        yield Suggestion(replaced(source, semicolon.start, semicolon.end, ""), reason, 0.9)
    if token.text in CLOSERS.values() and re.match(r"[\w)\]}'\"]", where.last[-1:]) and not _opened(where):
        reason = f"the parser stopped at `{token.text}`, which nothing opens"
        yield Suggestion(replaced(source, token.start, token.end, ""), reason, 0.8)


def _instead(where: Stop) -> str | None:
    if where.at == "=>":
        return "->"
    start, _ = line_bounds(where.text, where.token.start if where.token else 0)
    line = where.text[start:].lstrip()
    if where.at == "=" and line.startswith("|"):
        return "->"
    on_line = {token.text for token in where.before if token.start >= start}
    if where.at == "->" and line.startswith(("let ", "and ")) and not on_line & {"fun", "function", "=", ":"}:
        return "="
    return None


def _opened(where: Stop) -> bool:
    return any(CLOSERS[token.text] == where.at for token in unclosed(where.before))
