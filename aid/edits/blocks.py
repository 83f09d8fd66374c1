"""Replies made of marked blocks, old lines over new ones: what SEARCH/REPLACE and line ranges share.

Lines in, edits out; nothing raises. The three markers of a block have one length, so that text holding shorter or
longer ones can be quoted inside it.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from aid.edits.edit import Edit, Rejected
from aid.edits.reply import NO_NAME, PathFinder, may_name, named_path, order

_DIVIDER = re.compile(r"^[ \t]*(={5,})\s*$")
_RUN = re.compile(r"^[ \t]*(<{5,}|={5,}|>{5,})")
_NO_NEWLINE = "no newline at end of file"
_NEWLINE = "newline at end of file"
_EXACT = "exact"


class Markers(msgspec.Struct, frozen=True):
    """A format's opening and closing lines: group 1 is the run of brackets, group 2 what follows on the line."""

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    names: tuple[str, str]


class _Mark(msgspec.Struct, frozen=True):
    kind: str
    line: int
    width: int
    rest: str = ""


def read_blocks(lines: Sequence[str], known: frozenset[str], markers: Markers) -> Iterator[Edit | Rejected]:
    """Each block as a `replace`, and each order about a whole file, in the reply's order."""
    marks = _marks(lines, markers)
    finder = PathFinder(lines, known)
    at, index = 0, 0
    while index < len(marks):
        mark = marks[index]
        index += 1
        if mark.line < at:
            continue
        if mark.kind == "order" and (ordered := order(lines, mark.line)) is not None:
            yield ordered[0]
            at = ordered[1]
            finder.done(None, at)
        elif mark.kind == "open":
            block, at = _read_block(lines, marks, index, markers)
            yield _with_path(block, mark, finder, markers, at)


def _marks(lines: Sequence[str], markers: Markers) -> list[_Mark]:
    marks = []
    for number, line in enumerate(lines):
        start = line.lstrip()[:3]
        if start == "<<<" and (match := markers.opening.match(line)):
            marks.append(_Mark("open", number, len(match[1]), match[2]))
        elif start == ">>>" and (match := markers.closing.match(line)):
            marks.append(_Mark("close", number, len(match[1]), match[2]))
        elif start == "===" and (match := _DIVIDER.match(line)):
            marks.append(_Mark("divide", number, len(match[1])))
        elif start == "***" and order(lines, number) is not None:
            marks.append(_Mark("order", number, 0))
    return marks


def _read_block(
    lines: Sequence[str], marks: Sequence[_Mark], first: int, markers: Markers
) -> tuple[Edit | Rejected, int]:
    """The block opened by the mark before `first`, its path still empty, and the line after it."""
    opening = marks[first - 1]
    last = first
    while last < len(marks) and (marks[last].width != opening.width or marks[last].kind == "divide"):
        last += 1
    inside = marks[first:last]
    closing = marks[last] if last < len(marks) and marks[last].kind == "close" else None
    if closing is None:
        closing = next((mark for mark in inside if mark.kind == "close"), None)
    if closing is None:
        end = marks[last].line if last < len(marks) else len(lines)
        raw = "\n".join(lines[opening.line : end])
        reason = f"the block has no '{'>' * opening.width} {markers.names[1]}' line: it is cut off"
        return Rejected(path=None, reason=reason, edit=raw), end
    raw = "\n".join(lines[opening.line : closing.line + 1])
    dividers = [mark for mark in inside if mark.kind == "divide" and mark.line < closing.line]
    alike = [mark for mark in dividers if mark.width == opening.width] or dividers
    if len(alike) != 1:
        bar = "=" * opening.width
        reason = f"the block has no '{bar}' line between its halves"
        if alike:
            reason = f"the block has several '{bar}' lines: use longer markers, all three alike, around such text"
        return Rejected(path=None, reason=reason, edit=raw), closing.line + 1
    old = tuple(lines[opening.line + 1 : alike[0].line])
    new = tuple(lines[alike[0].line + 1 : closing.line])
    edit = Edit(op="replace", path="", old=old, new=new, raw=raw)
    return _with_attributes(edit, closing.rest), closing.line + 1


def _with_attributes(edit: Edit, rest: str) -> Edit:
    words = {word.strip() for word in rest.strip().strip("()").split(",")}
    final = False if _NO_NEWLINE in words else True if _NEWLINE in words else None
    return msgspec.structs.replace(edit, final_newline=final, exact=_EXACT in words)


def _with_path(
    block: Edit | Rejected, opening: _Mark, finder: PathFinder, markers: Markers, end: int
) -> Edit | Rejected:
    """`block` with the path named on its opening line or above it."""
    beside = named_path(opening.rest, finder.known) if opening.rest.strip() else None
    path: str | Rejected
    if beside is not None and beside[1]:
        path = beside[0]
    elif opening.rest.strip() and may_name(opening.rest):
        path = Rejected(path=None, reason=f"no sure file name beside {markers.names[0]!r}: {NO_NAME}")
    else:
        path = finder.above(opening.line)
    if isinstance(path, Rejected):
        finder.done(path.path, end)
        reason = block.reason if isinstance(block, Rejected) else path.reason
        raw = block.edit if isinstance(block, Rejected) else block.raw
        return Rejected(path=path.path, reason=reason, edit=raw)
    finder.done(path, end)
    if isinstance(block, Rejected):
        return Rejected(path=path, reason=block.reason, edit=f"{path}\n{block.edit}")
    return msgspec.structs.replace(block, path=path, raw=f"{path}\n{block.raw}")


def render_block(old: Sequence[str], edit: Edit, markers: Markers) -> str:
    """A block of `old` over the edit's new lines, its markers longer than any the text holds."""
    width = 7
    for line in (*old, *edit.new):
        if run := _RUN.match(line):
            width = max(width, len(run[1]) + 1)
    words = []
    if edit.final_newline is not None:
        words.append(_NEWLINE if edit.final_newline else _NO_NEWLINE)
    if edit.exact:
        words.append(_EXACT)
    rest = f" ({', '.join(words)})" if words else ""
    body = [*old, "=" * width, *edit.new]
    return "\n".join([f"{'<' * width} {markers.names[0]}", *body, f"{'>' * width} {markers.names[1]}{rest}"])
