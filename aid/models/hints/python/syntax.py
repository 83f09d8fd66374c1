"""Python: syntax errors whose message says what is missing (the messages of CPython 3.10 and later)."""

import re
from collections.abc import Callable, Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.python.names import said_lines
from aid.models.hints.span import line_bounds, replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "syntax"
suffixes = (".py", ".pyi")

_CODE = re.compile(r"(?P<code>(?:\"[^\"\n]*\"|'[^'\n]*'|[^#\n\"'])*?)\s*(?:#[^\n]*)?$")
_LONE_EQUALS = re.compile(r"(?<![=!<>:+\-*/%&|^@])=(?!=)")
_TRAILING = re.compile(r"[)\]},:\s]*$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    for wording, rule in _RULES:
        if re.search(wording, said):
            yield from rule(diagnostic, source)


def _colon(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    first, last = said_lines(diagnostic, source.text)
    line = source.text[first:last]
    if re.match(r"\s*else\s+if\b", line):
        at = first + line.index("else")
        end = first + re.match(r"\s*else\s+if\b", line).end()  # type: ignore[union-attr]
        yield Suggestion(replaced(source, at, end, "elif"), "Python writes `else if` as `elif`", 0.95)
        return
    code = _CODE.match(line)
    if code and not code["code"].endswith(":"):
        at = first + code.end("code")
        yield Suggestion(replaced(source, at, at, ":"), "Python expects a `:` here", 0.9)


def _comparison(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    start, _ = said_span(diagnostic, source.text)
    found = _LONE_EQUALS.search(source.text, start, line_bounds(source.text, start)[1])
    if found:
        yield Suggestion(replaced(source, *found.span(), "=="), "Python asks whether `==` was meant", 0.9)


def _print(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    first, last = said_lines(diagnostic, source.text)
    code = _CODE.match(source.text[first:last])
    called = re.compile(r"\bprint\s+(.+?)\s*$").search(source.text, first, first + code.end("code") if code else last)
    if called:
        text = f"print({called[1]})"
        yield Suggestion(replaced(source, *called.span(), text), "Python asks whether `print(...)` was meant", 0.95)


def _comma(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    """The range holds two expressions side by side, or only begins at the first."""
    start, _ = said_span(diagnostic, source.text)
    end = line_bounds(source.text, start)[1]
    line = source.text[start:end]
    code = _CODE.match(line)
    gap = re.compile(r"(?<=[\w)\]}\"'])[ \t]+(?=[\w(\[{\"'])").search(source.text, start, end)
    at = gap.start() if gap else start + (code.end("code") if code else len(line.rstrip()))
    if gap or line.strip():
        yield Suggestion(replaced(source, at, at, ","), "Python asks whether a comma is missing", 0.8)


def _string(diagnostic: Diagnostic, source: SourceText) -> Iterable[Suggestion]:
    start, _ = said_span(diagnostic, source.text)
    first, last = line_bounds(source.text, start)
    quote = next((each for each in source.text[start:last] if each in "\"'"), None)
    line = source.text[first:last]
    tail = _TRAILING.search(line)
    if quote and tail and tail.start() > start - first:
        for at, confidence in ((first + tail.start(), 0.65), (last, 0.4)):
            yield Suggestion(replaced(source, at, at, quote), "Python says that the string has no end", confidence)


_RULES: tuple[tuple[str, Callable[[Diagnostic, SourceText], Iterable[Suggestion]]], ...] = (
    (r"expected ':'", _colon),
    (r"Maybe you meant '=='", _comparison),
    (r"Missing parentheses in call to 'print'", _print),
    (r"Perhaps you forgot a comma", _comma),
    (r"unterminated (?:f-)?string literal", _string),
)
