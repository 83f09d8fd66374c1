"""File changes as a reply in one of the formats: for prompts' examples, hints and tests.

Changes in, text out, such that parsing and planning it gives the same changes back, byte for byte, where the files are
UTF-8 text. Each replacement quotes as many lines as it takes to stand in one place only, blanks aside where that takes
few more, so that a copy of it with small faults still finds its place.
"""

from collections.abc import Sequence

import msgspec

from aid.edits import line_range, search_replace, whole
from aid.edits.apply_patch import marked
from aid.edits.diff import changed_ranges, unified
from aid.edits.edit import Edit, Format, Placed, Rejected
from aid.edits.hunk import body_lines
from aid.edits.place import place_all
from aid.edits.reply import order_path, path_line
from aid.edits.text import Text, find_lines
from ces.change import FileChange

CONTEXT_LINES = 3
_WIDER = (CONTEXT_LINES, 10, 40, 160, 640, 1_000_000)  # lines of context tried until an edit finds its own place
_Range = tuple[int, int, int, int]
_FURTHER = 10  # lines more that are worth it to be found with other blanks, too


def render(changes: Sequence[FileChange], format: Format) -> str:
    """The reply in `format` that asks for `changes`; it ends with a newline unless empty."""
    if format == "udiff":
        return unified(changes)
    parts = [part for change in changes for part in _file(change, format)]
    if not parts:
        return ""
    if format == "apply-patch":
        return "\n".join(["*** Begin Patch", *parts, "*** End Patch"]) + "\n"
    return "\n\n".join(parts) + "\n"


def _file(change: FileChange, format: Format) -> list[str]:
    """One file's parts of a reply."""
    if format == "apply-patch":
        return [_enveloped(change)]
    if change.after is None:
        return [f"*** Delete File: {order_path(change.path)}"]
    path = change.old_path or change.path
    parts = []
    if change.before is None:
        parts.append(_made(change.path, _text(change.after), format))
    elif format == "whole" and change.before != change.after:
        parts.append(_rewritten(path, _text(change.before), _text(change.after)))
    elif change.before != change.after:
        edits = replacements(path, change.before, change.after)
        draw = search_replace.render
        if format == "line-range":
            draw = line_range.render
            if any(line_range.needs_exact(edit) for edit in edits):
                edits = _verbatim(path, change.before, change.after) or edits
        parts += [f"{path_line(path)}\n{draw(edit)}" for edit in edits]
    if change.mode is not None:
        parts.append(f"*** Mode {change.mode:o} File: {order_path(path)}")
    if change.old_path is not None:
        parts.append(f"*** Rename File: {order_path(change.old_path)}\n*** Move to: {order_path(change.path)}")
    return parts


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _made(path: str, text: str, format: Format) -> str:
    lines = Text(text)
    final = None if lines.final_newline else False
    edit = Edit(op="write", path=path, new=tuple(lines.raw), final_newline=final)
    if format == "whole":
        return whole.render(edit)
    draw = search_replace.render if format == "search-replace" else line_range.render
    return f"{path_line(path)}\n{draw(edit)}"


def _rewritten(path: str, before: str, after: str) -> str:
    """A whole file that replaces another; where line ends would not come out so by themselves it says `exact`."""
    old, new = Text(before), Text(after)
    final = None if old.final_newline and new.final_newline else new.final_newline
    plain = Edit(op="write", path=path, new=tuple(new.bare), final_newline=final)
    placed = place_all(old, [plain])[0]
    if isinstance(placed, Placed) and list(placed.lines) == new.raw:
        return whole.render(plain)
    return whole.render(msgspec.structs.replace(plain, new=tuple(new.raw), exact=True))


def replacements(path: str, before: bytes, after: bytes) -> list[Edit]:
    """Edits that turn `before` into `after`, each of which finds its place in `before` by itself."""
    old, new = Text(_text(before)), Text(_text(after))
    if not old.raw:
        final = None if new.final_newline else False
        return [Edit(op="replace", path=path, new=tuple(new.raw), final_newline=final)]
    ranges = changed_ranges(old, new)
    edits: list[Edit] = []
    at = 0
    while at < len(ranges):
        edit, at = _replacement(path, (old, new), ranges, at)
        if edit is None:
            whole, _ = _edit(path, (old, new), (0, len(old.raw)), ranges, old.carriage_returns or old.bom)
            return [whole]
        edits.append(edit)
    return edits


def _verbatim(path: str, before: bytes, after: bytes) -> list[Edit]:
    """One edit of all of `before`, line ends and byte order mark quoted; none where it has neither."""
    old, new = Text(_text(before)), Text(_text(after))
    if not (old.carriage_returns or old.bom):
        return []
    return [_edit(path, (old, new), (0, len(old.raw)), changed_ranges(old, new), True)[0]]


def _replacement(path: str, texts: tuple[Text, Text], ranges: Sequence[_Range], at: int) -> tuple[Edit | None, int]:
    """The edit that makes the change `ranges[at]` and those below that its context reaches, and the next one.

    None where nothing short of the whole file stands in one place only.
    """
    old, new = texts
    above = ranges[at - 1][1] if at else 0
    for context in _WIDER:
        start, end = _spread(old, (ranges[at][0], ranges[at][1]), above, context)
        last = at
        while last + 1 < len(ranges) and ranges[last + 1][0] < end:
            last += 1
        end = max(end, ranges[last][1])
        for faithful in (False, True):
            edit, lines = _edit(path, texts, (start, end), ranges[at : last + 1], faithful)
            told = msgspec.structs.replace(edit, start=None)
            blind = msgspec.structs.replace(told, kept=None)
            if all(_lands(place_all(old, [own])[0], (start, end), lines, old, new) for own in (told, blind)):
                return edit, last + 1
    return None, len(ranges)


def _lands(placed: Placed | Rejected, span: tuple[int, int], lines: Sequence[str], old: Text, new: Text) -> bool:
    if (
        isinstance(placed, Rejected)
        or (placed.start, placed.end) != span
        or list(placed.lines) != list(lines)
        or placed.same
    ):
        return False
    final = old.final_newline if placed.final_newline is None else placed.final_newline
    return span[1] < len(old.raw) or final == new.final_newline


def _spread(old: Text, span: tuple[int, int], above: int, context: int) -> tuple[int, int]:
    """`span` with lines of context, none before `above`, and a few more where that makes it unlike all else."""
    size = len(old.raw)
    for more in range(context, context + _FURTHER, 2):
        start, end = max(above, span[0] - more), min(size, span[1] + more)
        wanted = old.stripped[start:end]
        if any(wanted) and len(find_lines(old.joined_stripped, wanted, 2)) == 1:
            return start, end
    return max(above, span[0] - context), min(size, span[1] + context)


def _edit(
    path: str, texts: tuple[Text, Text], span: tuple[int, int], group: Sequence[_Range], faithful: bool
) -> tuple[Edit, list[str]]:
    """The edit of the old text's lines `span`, and what stands there afterwards.

    `faithful` quotes line ends and the byte order mark as they are.
    """
    old, new = texts
    start, end = span
    base = start + group[0][2] - group[0][0]
    lines = new.raw[base : end + group[-1][3] - group[-1][1]]
    quoted = old.raw[start:end] if faithful else old.bare[start:end]
    wanted = lines if faithful else [line.removesuffix("\r") if old.crlf else line for line in lines]
    if not faithful and start == 0 and old.bom and wanted:
        wanted = [wanted[0].removeprefix("\ufeff"), *wanted[1:]]
    kept: list[tuple[int, int]] = []
    at, new_at = start, base
    for first, last, new_first, new_last in (*group, (end, end, base + len(lines), 0)):
        kept += zip(range(at - start, first - start), range(new_at - base, new_first - base), strict=True)
        at, new_at = last, new_last
    final = None
    if end == len(old.raw) and not (old.final_newline and new.final_newline):
        final = new.final_newline
    edit = Edit(
        op="replace",
        path=path,
        old=tuple(quoted),
        new=tuple(wanted),
        kept=tuple(kept),
        start=start + 1,
        final_newline=final,
    )
    return edit, lines


def _enveloped(change: FileChange) -> str:
    """One file's part of an apply-patch envelope."""
    path = order_path(change.old_path or change.path)
    mode = [] if change.mode is None else [f"*** Mode: 100{change.mode:o}"]
    if change.after is None:
        return f"*** Delete File: {path}"
    if change.before is None:
        text = Text(_text(change.after))
        lines = body_lines([], text.raw, (), new_cut=not text.final_newline)
        return "\n".join([f"*** Add File: {path}", *mode, *lines])
    lines = [f"*** Update File: {path}"]
    if change.old_path is not None:
        lines.append(f"*** Move to: {order_path(change.path)}")
    lines += mode
    if change.before != change.after:
        old_cut = not Text(_text(change.before)).final_newline
        for edit in replacements(change.path, change.before, change.after):
            lines += ["@@", *_hunk_lines(edit, old_cut)]
    return "\n".join(lines)


def _hunk_lines(edit: Edit, old_cut: bool) -> list[str]:
    """A hunk's lines; context that looks like one of the envelope's markers goes and comes, for blanks may stand
    before a marker."""
    kept = [pair for pair in edit.kept or () if not marked(edit.old[pair[0]])]
    ends = edit.final_newline is not None
    cut_changes = ends and old_cut != (edit.final_newline is False)
    if cut_changes:
        kept = [pair for pair in kept if pair != (len(edit.old) - 1, len(edit.new) - 1)]
    return body_lines(edit.old, edit.new, kept, old_cut=ends and old_cut, new_cut=edit.final_newline is False)
