"""The apply-patch envelope (`*** Begin Patch`): from a model's text to edits and back.

What comes in are a reply's lines; what goes out is one `replace` per hunk, and `create`, `delete`, `rename`. Hunks have
no line numbers: `@@` may name a line that stands above. The format's own rules are those of the grammar in OpenAI's
GPT-4.1 prompting guide, save that text found twice is refused. Nothing here touches a file or raises.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from aid.edits.edit import Edit, Rejected
from aid.edits.hunk import Body
from aid.edits.path import check_path
from aid.edits.reply import fence, order_path, quoted_path

_MARKER = re.compile(r"^\s*\*\*\* (Begin Patch|End Patch|End of File|(?:(\w+) File|(Move to|Mode)): ?(.*?))\s*$")


class _Marker(msgspec.Struct, frozen=True):
    kind: str
    argument: str


def parse(lines: Sequence[str], known: frozenset[str]) -> list[Edit | Rejected]:
    """The edits of a reply's lines, in its order. Lines outside `Begin Patch` and `End Patch` are left alone."""
    edits: list[Edit | Rejected] = []
    for first, last in _sections(lines):
        edits += _section(lines[first:last])
    return edits


def _marker(line: str) -> _Marker | None:
    if "***" not in line[:80]:
        return None
    match = _MARKER.match(line)
    if match is None:
        return None
    return _Marker(match[2] or match[3] or match[1], match[4] or "")


def marked(text: str) -> bool:
    """Whether `text`, after a blank, would be read as one of the envelope's markers."""
    return _marker(text) is not None


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Each file's lines, as a range that begins with its `*** … File:` line."""
    first = None
    outside = any((mark := _marker(line)) is not None and mark.kind == "Begin Patch" for line in lines)
    for number, line in enumerate(lines):
        marker = _marker(line)
        kind = marker.kind if marker is not None else ""
        begins = marker is not None and kind not in ("Begin Patch", "End Patch", "End of File", "Move to", "Mode")
        ends = kind in ("Begin Patch", "End Patch") or (first is not None and fence(line, indented=False) is not None)
        if first is not None and (begins or ends):
            yield first, number
            first = None
        if kind in ("Begin Patch", "End Patch"):
            outside = kind == "End Patch"
        if begins and not outside:
            first = number
    if first is not None:
        yield first, len(lines)


def _section(lines: Sequence[str]) -> list[Edit | Rejected]:
    """The edits of one file; `lines[0]` is its marker."""
    raw = "\n".join(lines)
    marker = _marker(lines[0])
    kind = marker.kind if marker is not None else ""
    path = quoted_path(marker.argument) if marker is not None else ""
    reason = check_path(path)
    if reason is not None:
        return [Rejected(path=path or None, reason=reason, edit=raw)]
    if kind == "Delete":
        return [Edit(op="delete", path=path, raw=raw)]
    if kind == "Add":
        return [_added(path, lines[1:], raw)]
    if kind == "Update":
        return _updated(path, lines[1:], raw)
    return [Rejected(path=path, reason=f"'*** {kind} File' is none of Add, Update, Delete", edit=raw)]


def _added(path: str, lines: Sequence[str], raw: str) -> Edit | Rejected:
    mode = None
    body = Body()
    for line in lines:
        marker = _marker(line)
        if marker is not None and marker.kind == "Mode":
            mode = _mode(marker.argument)
        elif marker is None and line[:1] in ("+", "\\"):
            body.add(line)
        elif marker is None and line.strip():
            reason = "a line of the new file does not begin with '+'"
            return Rejected(path=path, reason=reason, edit=raw)
    final = False if body.new_ends else None
    return Edit(op="create", path=path, new=tuple(body.new), mode=mode, final_newline=final, raw=raw)


def _mode(text: str) -> int | None:
    digits = text.strip()[-3:]
    return int(digits, 8) if re.fullmatch(r"[0-7]{3}", digits) else None


def _updated(path: str, lines: Sequence[str], raw: str) -> list[Edit | Rejected]:
    edits: list[Edit | Rejected] = []
    hunks: list[_Hunk] = []
    for line in lines:
        marker = _marker(line)
        if marker is not None and marker.kind == "Move to":
            target = quoted_path(marker.argument)
            reason = check_path(target)
            if reason is not None:
                return [Rejected(path=target or path, reason=reason, edit=raw)]
            edits.append(Edit(op="rename", path=path, new_path=target, raw=raw))
        elif marker is not None and marker.kind == "Mode":
            edits.append(Edit(op="mode", path=path, mode=_mode(marker.argument), raw=raw))
        elif marker is not None and marker.kind == "End of File" and hunks:
            hunks[-1].at_end = True
        elif line.startswith("@@"):
            heading = line.removeprefix("@@").strip().removesuffix("@@").strip()
            if hunks and not hunks[-1].lines:
                hunks[-1].headings.append(heading)
            else:
                hunks.append(_Hunk(headings=[heading]))
        elif hunks or line.strip():
            if not hunks:
                hunks.append(_Hunk())
            hunks[-1].lines.append(line)
    edits += [_hunk_edit(path, hunk) for hunk in hunks if hunk.lines]
    return edits or [Rejected(path=path, reason="the update has no hunk", edit=raw)]


class _Hunk(msgspec.Struct):
    headings: list[str] = []
    lines: list[str] = []
    at_end: bool = False


def _hunk_edit(path: str, hunk: _Hunk) -> Edit:
    body = Body()
    for line in hunk.lines:
        body.add(line)
    body.drop_trailing_blanks()
    headings = tuple(heading for heading in hunk.headings if heading)
    marked = ["@@ " + heading if heading else "@@" for heading in hunk.headings]
    raw = "\n".join([f"*** Update File: {order_path(path)}", *marked, *hunk.lines])
    edit = body.edit(path, raw)
    at_end = edit.at_end or hunk.at_end
    return msgspec.structs.replace(edit, headings=headings, at_end=at_end, append=not edit.old and not headings)
