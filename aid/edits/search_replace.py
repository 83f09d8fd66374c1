"""SEARCH/REPLACE replies: from a model's text to edits and back.

    path/to/file.ml
    <<<<<<< SEARCH
    the file's lines
    =======
    what stands there afterwards
    >>>>>>> REPLACE

An empty SEARCH makes a file. Nothing here touches a file or raises: a block that can't be used comes back as a
`Rejected` that says why. Markers may be longer than seven characters, all three alike, where the text itself holds
lines that look like them.
"""

import re
from collections.abc import Sequence

import msgspec

from aid.edits.blocks import Markers, read_blocks, render_block
from aid.edits.edit import Edit, Rejected

_START_LINE = re.compile(r"^:start_line:\s*(\d{1,9})\s*$")
_END_LINE = re.compile(r"^:end_line:\s*\d{1,9}\s*$")
_RULE = re.compile(r"^-{5,}\s*$")

MARKERS = Markers(
    opening=re.compile(r"^[ \t]*(<{5,})\s*(?:SEARCH|ORIGINAL)\b>?(.*)$"),
    closing=re.compile(r"^[ \t]*(>{5,})\s*(?:REPLACE|UPDATED)\b(.*)$"),
    names=("SEARCH", "REPLACE"),
)


def parse(lines: Sequence[str], known: frozenset[str]) -> list[Edit | Rejected]:
    """The edits of a reply's lines, in its order; `known` are the paths the prompt showed."""
    found: list[Edit | Rejected] = []
    for block in read_blocks(lines, known, MARKERS):
        if isinstance(block, Edit) and block.op == "replace":
            old, start = _without_hint(block.old)
            found.append(msgspec.structs.replace(block, old=old, start=start))
        else:
            found.append(block)
    return found


def _without_hint(old: tuple[str, ...]) -> tuple[tuple[str, ...], int | None]:
    """The search lines, and the line number some models are taught to write above them over a rule."""
    start = _START_LINE.match(old[0]) if old else None
    if start is None:
        return old, None
    rest = old[2:] if len(old) > 1 and _END_LINE.match(old[1]) else old[1:]
    if not rest or not _RULE.match(rest[0]):
        return old, None
    return rest[1:], int(start[1])


def render(edit: Edit) -> str:
    """One replacement as a block, without its path."""
    old = list(edit.old)
    if old and _START_LINE.match(old[0]):
        old = [f":start_line:{edit.start or 1}", "-------", *old]
    return render_block(old, edit, MARKERS)
