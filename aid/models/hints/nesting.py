"""Brackets in source that needn't parse: which of them nothing closes. Pure; a language gives its own pieces."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

CLOSERS: Mapping[str, str] = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    """`text[start:end]` of a source in code points."""

    text: str
    start: int
    end: int


def pieces(pattern: "re.Pattern[str]", text: str, start: int, end: int) -> Iterable[Token]:
    """Each match of `pattern` in `text[start:end]`. Strings and comments should match whole: nothing in them counts."""
    return (Token(found[0], *found.span()) for found in pattern.finditer(text, start, end))


def unclosed(run: Iterable[Token], closers: Mapping[str, str] = CLOSERS) -> list[Token]:
    """The openers in `run` that nothing in it closes, outermost first."""
    stack: list[Token] = []
    for token in run:
        if token.text in closers:
            stack.append(token)
        elif stack and token.text == closers[stack[-1].text]:
            stack.pop()
    return stack
