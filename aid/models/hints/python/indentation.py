"""Python: a block that isn't indented, a line indented for no reason or to no level."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, said_span
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "indentation"
suffixes = (".py", ".pyi")

_LEAVES = re.compile(r"[ \t]*(?:return|break|continue|yield)\b")
"""What can't stand outside every block."""
_ENDS_A_BLOCK = re.compile(r"[ \t]*(?:return|raise|pass|break|continue)\b")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    start, _end = said_span(diagnostic, source.text)
    first, _last = line_bounds(source.text, start)
    if "expected an indented block" in said:
        yield from _indented(source, first)
    elif "unexpected indent" in said:
        above = [line for line in source.text[:first].split("\n") if line.strip()]
        yield from _moved(source, first, _depth(above[-1]) if above else 0, 0.8)
    elif "unindent does not match" in said:
        here = _depth(source.text[first:])
        levels = {_depth(line) for line in source.text[:first].split("\n") if line.strip()}
        levels -= {0} if _LEAVES.match(source.text, first) else set()
        yield from _first_of_block(source, first, here)
        for n, level in enumerate(sorted(levels, key=lambda each: (abs(each - here), -each))[:2]):
            yield from _moved(source, first, level, 0.6 / (n + 1))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _indented(source: SourceText, first: int) -> Iterable[Suggestion]:
    """The lines from here to the next blank or less indented one go one level in."""
    unit = "\t" if "\n\t" in source.text else "    "
    edits = []
    depth = _depth(source.text[first:])
    at = first
    for line in source.text[first:].split("\n"):
        if not line.strip() or _depth(line) < depth:
            break
        edits.append(TextEdit(source.path, at, at, unit))
        at += len(line) + 1
    if edits:
        alone = 0.8 if _ENDS_A_BLOCK.match(source.text, first) else 0.5
        yield Suggestion(tuple(edits), "Python expects an indented block here", 0.75)
        yield Suggestion(tuple(edits[:1]), "Python expects an indented block here: this line alone", alone)


def _first_of_block(source: SourceText, first: int, here: int) -> Iterable[Suggestion]:
    """The line above stands alone under a block's head and deeper than the lines that follow it."""
    above = source.text[:first].split("\n")[:-1]
    if len(above) > 1 and above[-2].rstrip().endswith(":") and _depth(above[-2]) < here < _depth(above[-1]):
        yield from _moved(source, first - len(above[-1]) - 1, here, 0.75)


def _moved(source: SourceText, first: int, depth: int, confidence: float) -> Iterable[Suggestion]:
    old = _depth(source.text[first:])
    if old != depth:
        unit = "\t" if source.text[first : first + 1] == "\t" else " "
        edits = (TextEdit(source.path, first, first + old, unit * depth),)
        yield Suggestion(edits, f"Python doesn't expect this line {old} deep: {depth}", confidence)
