"""What the rules for OCaml's syntax errors share: the token the parser stopped at and those before it. Pure."""

import msgspec

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.ocaml.tokens import item, tokens
from aid.models.hints.span import line_bounds, span
from ces.verdict import Diagnostic


class Stop(msgspec.Struct, frozen=True):
    """`before` are the tokens of the top-level item up to the error; `token` None: the file ended."""

    text: str
    before: tuple[Token, ...]
    token: Token | None

    @property
    def at(self) -> str:
        return self.token.text if self.token else ""

    @property
    def last(self) -> str:
        return self.before[-1].text if self.before else ""


def stop(diagnostic: Diagnostic, source: SourceText) -> Stop | None:
    """Where the parser stopped; None when the diagnostic is no syntax error."""
    if "Syntax error" not in diagnostic.message:
        return None
    start, _ = span(source.text, diagnostic.range)
    token = next((each for each in tokens(source.text) if each.start >= start), None)
    at = token.start if token else len(source.text)
    return Stop(source.text, item(source.text, at), token)


def everything(where: Stop) -> Stop:
    """The same with all of the file's tokens up to the error: a `struct` may hold whole items."""
    end = where.token.start if where.token else len(where.text)
    return Stop(where.text, tuple(each for each in tokens(where.text) if each.start < end), where.token)


def layout_end(text: str, opener: Token, before: tuple[Token, ...]) -> Token | None:
    """The last token that the layout puts inside what `opener` opens.

    The next line indented no deeper than the opener's line is outside; None where no such line comes.
    """
    start, end = line_bounds(text, opener.start)
    depth = len(text[start:end]) - len(text[start:end].lstrip())
    previous = opener
    for token in before:
        if token.start <= opener.start:
            continue
        line, _ = line_bounds(text, token.start)
        if line > previous.start and token.start - line <= depth:
            return previous
        previous = token
    return None
