"""OCaml: "Syntax error: ')' expected", and a `do` without `done`, which the parser doesn't say."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.ocaml.syntax import Stop, everything, layout_end, stop
from aid.models.hints.ocaml.tokens import CLOSERS, KEYWORDS, tokens, unclosed
from aid.models.hints.span import indent_at, line_bounds, replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing closer"
suffixes = (".ml", ".mli")

_STARTS_STATEMENT = re.compile(r"[a-z_A-Z!(\"\d]")
_EXPECTED = re.compile(r"Syntax error: '([^' ]+)' expected")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    where = stop(diagnostic, source)
    if where is None:
        return
    said = _EXPECTED.search(flat(diagnostic))
    closer = said[1] if said else "done"
    openers = _openers(where, closer) or _openers(everything(where), closer)
    if not openers:
        return
    opener = openers[-1]
    line = source.text.count("\n", 0, opener.start) + 1
    reason = f"the parser expects `{closer}` for the `{opener.text}` of line {line}"
    for n, token in enumerate(_places(everything(where), opener)):
        following = next((each for each in tokens(source.text) if each.start >= token.end), None)
        text = _written(source.text, opener, token, following, closer)
        yield Suggestion(replaced(source, token.end, token.end, text), reason, (0.75, 0.5, 0.4, 0.3)[n])


def _openers(where: Stop, closer: str) -> list[Token]:
    return [token for token in unclosed(where.before) if CLOSERS[token.text] == closer]


def _places(where: Stop, opener: Token) -> list[Token]:
    """The tokens the closer may follow: by the layout, before the error, at the end of the opener's line."""
    inside = [token for token in where.before if token.start > opener.start]
    _, line_end = line_bounds(where.text, opener.start)
    on_line = [token for token in inside if token.end <= line_end]
    found = [layout_end(where.text, opener, where.before), inside[-1] if inside else None]
    found += [_before_operator(inside), on_line[-1] if on_line else None]
    return list(dict.fromkeys(token for token in found if token is not None and token != opener))


def _before_operator(inside: Sequence[Token]) -> Token | None:
    """The token before the first comparison that stands in no further bracket: `[ 1; 2 = x`."""
    for n in range(1, len(inside)):
        if inside[n].text in ("=", "<>", "|>", ",") and not unclosed(tuple(inside[:n])):
            return inside[n - 1]
    return None


def _written(text: str, opener: Token, token: Token, following: Token | None, closer: str) -> str:
    if closer in (")", "]", "|]"):
        return closer
    closer += ";" if following and _STARTS_STATEMENT.match(following.text) and following.text not in KEYWORDS else ""
    same_line = "\n" not in text[opener.start : token.start]
    return f" {closer}" if same_line else f"\n{indent_at(text, opener.start)}{closer}"
