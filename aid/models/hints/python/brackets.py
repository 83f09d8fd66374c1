"""Python: a bracket never closed, closed by another, or closed twice."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "bracket"
suffixes = (".py", ".pyi")

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_UNCLOSED = re.compile(r"'([(\[{])' was never closed")
_MISMATCHED = re.compile(r"closing parenthesis '([)\]}])' does not match opening parenthesis '([(\[{])'")
_UNMATCHED = re.compile(r"unmatched '([)\]}])'")
_HEAD = re.compile(r"\s*(?:async\s+)?(?:def|class|if|elif|while|for|with|else|except|match|case)\b")
_COMMENT = re.compile(r"\s*(?:#[^\"'\n]*)?$")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    start, _end = said_span(diagnostic, source.text)
    unclosed, mismatched, unmatched = _UNCLOSED.search(said), _MISMATCHED.search(said), _UNMATCHED.search(said)
    if unclosed:
        at = start if source.text[start : start + 1] == unclosed[1] else source.text.find(unclosed[1], start)
        closer = _CLOSERS[unclosed[1]]
        for place, confidence in _ends(source.text, at) if at >= 0 else ():
            reason = f"Python says that `{unclosed[1]}` was never closed"
            yield Suggestion(replaced(source, place, place, closer), reason, confidence)
    elif mismatched:
        at = source.text.find(mismatched[1], start)
        if at >= 0:
            closer = _CLOSERS[mismatched[2]]
            reason = f"Python says that `{mismatched[1]}` doesn't close `{mismatched[2]}`"
            yield Suggestion(replaced(source, at, at, closer), reason, 0.5)
            yield Suggestion(replaced(source, at, at + 1, closer), reason, 0.6)
    elif unmatched:
        at = source.text.find(unmatched[1], start)
        if at >= 0:
            yield Suggestion(replaced(source, at, at + 1, ""), f"Python says that nothing opens `{unmatched[1]}`", 0.8)


def _ends(text: str, opener: int) -> Iterable[tuple[int, float]]:
    """Where the bracket may close: at its line's end, before a block's `:`; and where its layout ends."""
    first, last = line_bounds(text, opener)
    line = text[first:last]
    code = first + len(line) - len(_COMMENT.search(line).group())  # type: ignore[union-attr]
    if _HEAD.match(line) and text[code - 1] == ":":
        code -= 1
    open_ended = text[code - 1] in ",([{" or code - 1 == opener
    if not open_ended:
        yield code, 0.75
    depth = len(line) - len(line.lstrip())
    end = code
    for following in text[last + 1 :].split("\n") if last < len(text) else ():
        blank = not following.strip()
        if blank or len(following) - len(following.lstrip()) <= depth:
            break
        last += 1 + len(following)
        end = last - (len(following) - len(following.rstrip()))
    if end != code:
        yield end, 0.7 if open_ended else 0.3
