"""What of a reply is for a person to read: all but its edits, and what stands only for them. Pure; nothing raises.

A reply is Markdown: code that is no edit of ours stays, so does everything in a reply that can't be parsed.
"""

import re

from aid.edits.edit import Format
from aid.edits.parse import parse
from aid.edits.reply import fence, named_path

_EDIT = "\0"  # stands for an edit that was cut out; no reply has one (`read_lines`)
_FRAME = re.compile(r"^\s*(\*\*\* (Begin|End) Patch|diff --git .*|index [0-9a-f]+\.\.[0-9a-f]+.*)$")


def prose(reply: str, format: Format) -> str:
    """The reply without its edits, the file names above them and the fences around them."""
    if _EDIT in reply:
        return reply.strip()
    text = reply.replace("\r\n", "\n")
    for each in parse(reply, format):
        piece = (each.raw if hasattr(each, "raw") else each.edit).replace("\r\n", "\n").strip("\n")
        if piece:
            text = _without(text, piece)
    lines = re.sub(rf"{_EDIT}(\s*{_EDIT})+", _EDIT, text).split("\n")
    while _EDIT in lines:
        _cut(lines, lines.index(_EDIT))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without(text: str, piece: str) -> str:
    """`text` with the first whole lines that read as `piece` replaced by the sign for an edit."""
    at = ("\n" + text + "\n").find("\n" + piece + "\n")
    if at < 0:  # a path that was put in front of it stands elsewhere
        head, _, rest = piece.partition("\n")
        return _without(text, rest) if rest and head.strip() else text
    return text[:at] + _EDIT + text[at + len(piece) :]


def _cut(lines: list[str], at: int) -> None:
    """Take the edit at `at` out, with the lines around it that are nothing but its frame."""
    first, last = at, at + 1
    while True:
        above = next((line for line in range(first - 1, max(-1, first - 3), -1) if lines[line].strip()), None)
        if above is None or not _framing(lines, above):
            break
        first = above
    inside = sum(fence(line) is not None for line in lines[first:at]) % 2 == 1
    while last < len(lines) and (_FRAME.match(lines[last]) or (inside and not lines[last].strip())):
        last += 1
    if inside and last < len(lines) and fence(lines[last]) is not None:
        last += 1
    lines[first:last] = [""]


def _framing(lines: list[str], at: int) -> bool:
    """Whether a line above an edit stands only for it: the patch's own, a fence that opens, a file's name."""
    if _FRAME.match(lines[at]):
        return True
    if fence(lines[at]) is not None:
        return sum(fence(line) is not None for line in lines[:at]) % 2 == 0
    named = named_path(lines[at], frozenset())
    return named is not None and named[1]
