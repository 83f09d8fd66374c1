"""Python: a bracket never closed, closed by another, or closed twice."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import CLOSERS, pieces, unclosed
from aid.models.hints.span import indent_at, line_bounds, replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "bracket"
suffixes = (".py", ".pyi")

_UNCLOSED = re.compile(r"'([(\[{])' was never closed")
_MISMATCHED = re.compile(r"closing parenthesis '([)\]}])' does not match opening parenthesis '([(\[{])'")
_UNMATCHED = re.compile(r"unmatched '([)\]}])'")
_HEAD = re.compile(r"\s*(?:async\s+)?(?:def|class|if|elif|while|for|with|else|except|match|case)\b")
_COMMENT = re.compile(r"\s*(?:#[^\"'\n]*)?$")
_PIECE = re.compile(
    r"\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|#[^\n]*|[()\[\]{}]", re.DOTALL
)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    start, _end = said_span(diagnostic, source.text)
    if unclosed_ := _UNCLOSED.search(said):
        yield from _never_closed(source, start, unclosed_[1])
    elif mismatched := _MISMATCHED.search(said):
        yield from _wrongly_closed(source, start, mismatched[1], mismatched[2])
    elif unmatched := _UNMATCHED.search(said):
        at = source.text.find(unmatched[1], start)
        if at >= 0:
            yield Suggestion(replaced(source, at, at + 1, ""), f"Python says that nothing opens `{unmatched[1]}`", 0.8)
    elif said.startswith("invalid syntax"):
        yield from _open_at_colon(source, start)


def _never_closed(source: SourceText, start: int, opener: str) -> Iterable[Suggestion]:
    at = source.text.find(opener, start)
    for place, before, confidence in _ends(source.text, at) if at >= 0 else ():
        closed = replaced(source, place, place, before + CLOSERS[opener])
        yield Suggestion(closed, f"Python says that `{opener}` was never closed", confidence)


def _wrongly_closed(source: SourceText, start: int, written: str, opener: str) -> Iterable[Suggestion]:
    """The closer is another one's; where one further out waits for it, the inner one's is missing before it."""
    at = source.text.find(written, start)
    if at < 0:
        return
    reason = f"Python says that `{written}` doesn't close `{opener}`"
    outer = unclosed(pieces(_PIECE, source.text, 0, at))[:-1]
    waited_for = any(CLOSERS[each.text] == written for each in outer)
    yield Suggestion(replaced(source, at, at + 1, CLOSERS[opener]), reason, 0.4 if waited_for else 0.8)
    if waited_for:
        yield Suggestion(replaced(source, at, at, CLOSERS[opener]), reason, 0.75)


def _open_at_colon(source: SourceText, start: int) -> Iterable[Suggestion]:
    """`if (x > 1:`: Python takes the `:` for the error, not the bracket."""
    first, _last = line_bounds(source.text, start)
    waiting = unclosed(pieces(_PIECE, source.text, first, start))
    if source.text[start : start + 1] == ":" and waiting and _HEAD.match(source.text, first):
        closers = "".join(CLOSERS[each.text] for each in reversed(waiting))
        reason = f"Python stopped at `:`, and `{waiting[-1].text}` is not closed before it"
        yield Suggestion(replaced(source, start, start, closers), reason, 0.8)


def _ends(text: str, opener: int) -> Iterable[tuple[int, str, float]]:
    """Where the bracket may close, and what stands before the closer there.

    At its line's end, before a block's `:`; and where its layout ends, on a line of its own if the opener ends one.
    """
    first, last = line_bounds(text, opener)
    line = text[first:last]
    code = first + len(line) - len(_COMMENT.search(line).group())  # type: ignore[union-attr]
    if _HEAD.match(line) and text[code - 1] == ":":
        code -= 1
    open_ended = text[code - 1] in ",([{" or code - 1 == opener
    if not open_ended:
        yield code, "", 0.75
    depth = len(line) - len(line.lstrip())
    end = code
    for following in text[last + 1 :].split("\n") if last < len(text) else ():
        blank = not following.strip()
        if blank or len(following) - len(following.lstrip()) <= depth:
            break
        last += 1 + len(following)
        end = last - (len(following) - len(following.rstrip()))
    if end != code:
        before = f"\n{indent_at(text, opener)}" if code - 1 == opener else ""
        yield end, before, 0.7 if open_ended else 0.3
