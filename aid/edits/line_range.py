"""Line-range replies: from a model's text to edits and back.

    path/to/file.ml
    <<<<<<< LINES
    10| let x = 1
    11| let y = 2
    =======
    let x = 2
    >>>>>>> END

Every line of the range is quoted with its number. The text decides where the edit goes, for models copy better than
they count; the numbers only choose between places that read alike. A range that isn't quoted is refused: nothing
would tell a miscounted one. Nothing here touches a file or raises.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from aid.edits.blocks import Markers, read_blocks, render_block
from aid.edits.edit import Edit, Rejected

_NUMBERED = re.compile(r"^\s*(\d{1,9})\|(?: (.*)|\s*)$", re.DOTALL)
_RANGE = re.compile(r"^\s*(\d{1,9})(?:\s*(?:-|–|:|,|to)\s*(\d{1,9}))?\s*$")

MARKERS = Markers(
    opening=re.compile(r"^[ \t]*(<{5,})\s*LINES?\b(.*)$"),
    closing=re.compile(r"^[ \t]*(>{5,})\s*(?:END|REPLACE)\b(.*)$"),
    names=("LINES", "END"),
)


def parse(lines: Sequence[str], known: frozenset[str]) -> list[Edit | Rejected]:
    """The edits of a reply's lines, in its order; `known` are the paths the prompt showed."""
    return [
        _without_numbers(block) if isinstance(block, Edit) and block.op == "replace" else block
        for block in read_blocks(lines, known, MARKERS)
    ]


def _without_numbers(edit: Edit) -> Edit | Rejected:
    claimed = _claimed_range(edit.raw)
    if not edit.old:
        if claimed is not None and claimed != (0, 0):
            reason = "the range's lines are not quoted: write each with its number, as '10| text'"
            return Rejected(path=edit.path, reason=reason, near=(claimed[0],), edit=edit.raw)
        return edit
    if not edit.exact and edit.new and _numbers(edit.new) is not None:
        reason = "the replacement's lines carry line numbers: write them plain"
        return Rejected(path=edit.path, reason=reason, edit=edit.raw)
    numbers = _numbers(edit.old)
    if numbers is None:
        return msgspec.structs.replace(edit, start=claimed[0] if claimed else None)
    counted = all(later == first + 1 for first, later in pairwise(numbers))
    plain = tuple(_plain(line) for line in edit.old)
    return msgspec.structs.replace(edit, old=plain, start=numbers[0] if counted else None)


def _claimed_range(raw: str) -> tuple[int, int] | None:
    """The numbers on the opening line, where there are any."""
    for line in raw.split("\n")[:2]:
        if opening := MARKERS.opening.match(line):
            match = _RANGE.match(opening[2])
            return (int(match[1]), int(match[2] or match[1])) if match else None
    return None


def _numbers(lines: Sequence[str]) -> list[int] | None:
    """The lines' numbers; None unless every line has one."""
    matches = [_NUMBERED.match(line) for line in lines]
    return [int(match[1]) for match in matches if match] if all(matches) else None


def _plain(line: str) -> str:
    match = _NUMBERED.match(line)
    return (match[2] or "") if match else line


def needs_exact(edit: Edit) -> bool:
    """Whether the new lines look numbered, so that only `exact` says they are meant so."""
    return bool(edit.old) and bool(edit.new) and _numbers(edit.new) is not None


def render(edit: Edit) -> str:
    """One replacement as a block, without its path; `edit.start` is where its old lines stand."""
    old = [f"{number}| {line}" for number, line in enumerate(edit.old, edit.start or 1)]
    exact = msgspec.structs.replace(edit, exact=True) if needs_exact(edit) else edit
    return render_block(old, exact, MARKERS)
