"""A reply in any of the formats, to edits. Each format's own file reads it; this one tells them apart."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from aid.edits import apply_patch, line_range, search_replace, udiff, whole
from aid.edits.edit import Edit, Format, Rejected
from aid.edits.reply import order, read_lines

NO_EDIT = "it holds no edit"
MAX_EDITS = 1000  # looking for one costs up to a few milliseconds in a big file

_Parser = Callable[[Sequence[str], frozenset[str]], list[Edit | Rejected]]
_PARSERS: dict[Format, _Parser] = {
    "search-replace": search_replace.parse,
    "udiff": udiff.parse,
    "apply-patch": apply_patch.parse,
    "whole": whole.parse,
    "line-range": line_range.parse,
}
_ENVELOPE = re.compile(r"^\s*\*\*\* (Begin Patch|(Add|Update) File: .*)\s*$")


def parse(reply: str, format: Format | Literal["auto"] = "auto", *, paths: Iterable[str] = ()) -> list[Edit | Rejected]:
    """The edits of `reply`, in its order; what can't be used is `Rejected` with the reason, a reply without any too.

    `paths` are the files the prompt showed: they help to recognise names, and an edit that names no file is for the
    only one. Never raises; at most `reply.MAX_REPLY_CHARS` characters and `MAX_EDITS` edits are read.
    """
    lines = read_lines(reply)
    if isinstance(lines, Rejected):
        return [lines]
    chosen = detect(lines) if format == "auto" else format
    edits = _PARSERS[chosen](lines, frozenset(paths)) if chosen is not None else []
    if not edits:
        wanted = "none of the edit formats" if format == "auto" else f"nothing in the format {format!r}"
        return [Rejected(path=None, reason=f"the reply has {wanted}: {NO_EDIT}")]
    if len(edits) > MAX_EDITS:
        reason = f"the reply has {len(edits):,} edits; at most {MAX_EDITS:,} are read. Send fewer, larger ones"
        return [Rejected(path=None, reason=reason)]
    return edits


def detect(lines: Sequence[str]) -> Format | None:
    """The format of a reply's lines, None for none: the first line that only one format has decides.

    A fence or a plain line may stand in any reply, so whole files come last.
    """
    fenced = False
    orders = False
    for number, line in enumerate(lines):
        start = line.lstrip()[:3]
        if start == "***":
            if _ENVELOPE.match(line):
                return "apply-patch"
            orders |= order(lines, number) is not None
        elif start == "<<<":
            if search_replace.MARKERS.opening.match(line):
                return "search-replace"
            if line_range.MARKERS.opening.match(line):
                return "line-range"
        elif line.startswith(("@@", "diff --git ", "--- ")) and _is_diff(lines, number):
            return "udiff"
        fenced |= start in ("```", "~~~")
    if fenced:
        return "whole"
    return "search-replace" if orders else None


def _is_diff(lines: Sequence[str], number: int) -> bool:
    if lines[number].startswith("--- "):
        return lines[number + 1 : number + 2] != [] and lines[number + 1].startswith("+++ ")
    return True
