"""What of a reply is for a person to read: all but its edits, and what stands only for them. Pure; nothing raises.

A reply is Markdown: code that is no edit of ours stays, so does everything in a reply that can't be parsed. The work is
linear in the reply.
"""

import re

from aid.edits.edit import Format, Rejected
from aid.edits.parse import parse
from aid.edits.reply import fence, named_path

_EDIT = "\0"  # stands for an edit that was cut out; no reply has one (`read_lines`)
_FRAME = re.compile(r"^\s*(\*\*\* (Begin|End) Patch|diff --git .*|index [0-9a-f]+\.\.[0-9a-f]+.*)$|^(---|\+\+\+) \S")
_ADDED_LINES = 2  # that an edit's `raw` may have above what stands in the reply: its path, or a diff's two
_MAX_MISSES = 20


def prose(reply: str, format: Format) -> str:
    """The reply without its edits, the file names above them and the fences around them."""
    if _EDIT in reply:
        return reply.strip()
    lines = _marked(reply.replace("\r\n", "\n"), format).split("\n")
    opening = _opening(lines)
    gone = bytearray(len(lines))
    for at, line in enumerate(lines):
        if line == _EDIT:
            first, last = _frame(lines, at, opening)
            gone[first:last] = b"\1" * (last - first)
    left = ["" if gone[at] else line for at, line in enumerate(lines)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(left)).strip()


def _marked(text: str, format: Format) -> str:
    """`text` with a sign for each run of edits, on a line of its own."""
    text, pieces, at, misses = f"\n{text}\n", list[str](), 0, 0
    for each in parse(text[1:-1], format):
        raw = each.edit if isinstance(each, Rejected) else each.raw
        found = _find(text, raw.replace("\r\n", "\n").strip("\n"), at) if misses < _MAX_MISSES else None
        if found is None:
            misses += 1
            continue
        pieces += [text[at : found[0]], _EDIT]
        at = found[1]
    return re.sub(rf"{_EDIT}(\s*{_EDIT})+", _EDIT, "".join([*pieces, text[at:]]))


def _find(text: str, piece: str, at: int) -> tuple[int, int] | None:
    """Where the whole lines of `piece` stand from `at` on, the lines that were put above them left out."""
    for _ in range(_ADDED_LINES + 1):
        start = text.find(f"\n{piece}\n", at) if piece else -1
        if start >= 0:
            return start + 1, start + 1 + len(piece)
        piece = piece.partition("\n")[2]
    return None


def _frame(lines: list[str], at: int, opening: set[int]) -> tuple[int, int]:
    """The lines around the edit at `at` that are nothing but its frame, and itself."""
    first, last = at, at + 1
    while True:
        above = next((line for line in range(first - 1, max(-1, first - 3), -1) if lines[line].strip()), None)
        if above is None or not (above in opening or _names(lines[above])):
            break
        first = above
    inside = any(line in opening for line in range(first, at))
    while last < len(lines) and (_FRAME.match(lines[last]) or (inside and not lines[last].strip())):
        last += 1
    closes = inside and last < len(lines) and last not in opening and fence(lines[last]) is not None
    return first, last + closes


def _names(line: str) -> bool:
    """Whether a line above an edit stands only for it: the patch's own, a file's name."""
    if _FRAME.match(line):
        return True
    named = named_path(line, frozenset())
    return named is not None and named[1]


def _opening(lines: list[str]) -> set[int]:
    """The fences that open: every other one."""
    fences = [at for at, line in enumerate(lines) if fence(line) is not None]
    return set(fences[::2])
