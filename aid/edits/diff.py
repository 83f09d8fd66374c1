"""File changes as a git-style unified diff, and its single hunks.

Whole contents in, text out (git-diff(1), "Generating patch text with -p"). `git apply` takes what `unified` writes,
save for binary files, which are only named, and files that aren't UTF-8, whose odd bytes the text can't carry.
"""

from collections.abc import Iterable, Sequence

import msgspec
from rapidfuzz.distance import LCSseq

from aid.edits.hunk import body_lines
from aid.edits.text import Text, assemble
from ces.change import FileChange

CONTEXT_LINES = 3
_MAX_CELLS = 400_000_000  # lines times lines to compare: some 50 MB and 50 ms in rapidfuzz; past it a block is one hunk


class Hunk(msgspec.Struct, frozen=True, kw_only=True):
    """One hunk: old lines `start` up to `end` (zero-based) become new lines `new_start` up to `new_end`.

    The ranges have no context; `text` is the hunk as it stands in the diff, header and context included.
    """

    start: int
    end: int
    new_start: int
    new_end: int
    text: str


def same_pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """The runs both sides share, as (index in old, index in new, length), by longest common subsequence."""
    top = _common_start(old, new)
    shorter = min(len(old), len(new)) - top
    bottom = min(shorter, _common_end(old, new))
    runs = [(0, 0, top)] if top else []
    old_middle, new_middle = old[top : len(old) - bottom], new[top : len(new) - bottom]
    if old_middle and new_middle and len(old_middle) * len(new_middle) <= _MAX_CELLS:
        numbers: dict[str, int] = {}
        left = [numbers.setdefault(line, len(numbers)) for line in old_middle]
        right = [numbers.setdefault(line, len(numbers)) for line in new_middle]
        blocks = LCSseq.editops(left, right).as_matching_blocks()
        runs += [(top + block.a, top + block.b, block.size) for block in blocks if block.size]
    if bottom:
        runs.append((len(old) - bottom, len(new) - bottom, bottom))
    return runs


def _common_start(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines both begin with; by halving, for comparing slices is far faster than comparing lines."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(old: Sequence[str], new: Sequence[str]) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def changed_ranges(old: Text, new: Text) -> list[tuple[int, int, int, int]]:
    """What differs, as (old start, old end, new start, new end), a final newline come or gone included."""
    ranges: list[tuple[int, int, int, int]] = []
    old_at, new_at = 0, 0
    ends = (len(old.raw), len(new.raw), 0)
    for old_to, new_to, length in (*same_pairs(_with_cut(old), _with_cut(new)), ends):
        if (old_at, new_at) != (old_to, new_to):
            ranges.append((old_at, old_to, new_at, new_to))
        old_at, new_at = old_to + length, new_to + length
    return ranges


def _with_cut(text: Text) -> list[str]:
    """The lines, the last one marked where no newline ends it, so that it equals no line that has one."""
    return text.raw if text.final_newline else [*text.raw[:-1], text.raw[-1] + "\n"]


def hunks(change: FileChange) -> list[Hunk]:
    """The hunks of one file's diff, in order; none for a binary file or one whose content stays."""
    if _is_binary(change.before) or _is_binary(change.after):
        return []
    old, new = Text(_decoded(change.before)), Text(_decoded(change.after))
    found: list[Hunk] = []
    group: list[tuple[int, int, int, int]] = []
    for changed in changed_ranges(old, new):
        if group and changed[0] - group[-1][1] > 2 * CONTEXT_LINES:
            found.append(_hunk(old, new, group))
            group = []
        group.append(changed)
    return [*found, _hunk(old, new, group)] if group else found


def _hunk(old: Text, new: Text, group: Sequence[tuple[int, int, int, int]]) -> Hunk:
    start, new_start = group[0][0], group[0][2]
    end, new_end = group[-1][1], group[-1][3]
    above = min(CONTEXT_LINES, start, new_start)
    below = min(CONTEXT_LINES, len(old.raw) - end, len(new.raw) - new_end)
    first, last = start - above, end + below
    new_first, new_last = new_start - above, new_end + below
    kept: list[tuple[int, int]] = []
    old_at, new_at = first, new_first
    for changed in (*group, (last, last, new_last, new_last)):
        kept += zip(
            range(old_at - first, changed[0] - first), range(new_at - new_first, changed[2] - new_first), strict=True
        )
        old_at, new_at = changed[1], changed[3]
    lines = body_lines(
        old.raw[first:last],
        new.raw[new_first:new_last],
        kept,
        old_cut=last == len(old.raw) and not old.final_newline,
        new_cut=new_last == len(new.raw) and not new.final_newline,
    )
    header = f"@@ -{_span(first, last)} +{_span(new_first, new_last)} @@"
    text = "".join(line + "\n" for line in (header, *lines))
    return Hunk(start=start, end=end, new_start=new_start, new_end=new_end, text=text)


def _span(start: int, end: int) -> str:
    """A range as diffs count: one-based, the line before it where it is empty, its length left out where it is 1."""
    if end - start == 1:
        return str(start + 1)
    return f"{start + 1 if end > start else start},{end - start}"


def select(change: FileChange, indices: Iterable[int]) -> FileChange:
    """`change` with only the hunks at `indices` (of `hunks(change)`); the name and the mode change all the same.

    A file whose content goes or comes whole has one hunk, or none: without it a new file isn't made and a file to be
    deleted stays.
    """
    found = hunks(change)
    wanted = {index for index in indices if 0 <= index < len(found)}
    if len(wanted) == len(found):
        return change
    if change.before is None or change.after is None:
        return msgspec.structs.replace(change, after=change.before)
    old, new = Text(_decoded(change.before)), Text(_decoded(change.after))
    lines: list[str] = []
    at = 0
    final_newline = old.final_newline
    for index, hunk in enumerate(found):
        if index not in wanted:
            continue
        lines += [*old.raw[at : hunk.start], *new.raw[hunk.new_start : hunk.new_end]]
        at = hunk.end
        if hunk.end == len(old.raw) and hunk.new_end == len(new.raw):
            final_newline = new.final_newline
    text = assemble([*lines, *old.raw[at:]], final_newline)
    return msgspec.structs.replace(change, after=text.encode("utf-8", "surrogateescape"))


def unified(changes: Iterable[FileChange]) -> str:
    """The git-style diff of `changes`, in their order; empty where nothing changes."""
    return "".join(_file_diff(change) for change in changes)


def _file_diff(change: FileChange) -> str:
    old_path = change.old_path or change.path
    lines = [f"diff --git {quoted_name('a/', old_path)} {quoted_name('b/', change.path)}", *_extended_header(change)]
    if change.before == change.after:
        return "\n".join(lines) + "\n" if len(lines) > 1 else ""
    old_name = "/dev/null" if change.before is None else quoted_name("a/", old_path)
    new_name = "/dev/null" if change.after is None else quoted_name("b/", change.path)
    if _is_binary(change.before) or _is_binary(change.after):
        return "\n".join([*lines, f"Binary files {old_name} and {new_name} differ"]) + "\n"
    body = "".join(hunk.text for hunk in hunks(change))
    if not body:
        return "\n".join(lines) + "\n"
    names = [f"--- {_tabbed(old_name)}", f"+++ {_tabbed(new_name)}"]
    text = "\n".join([*lines, *names]) + "\n" + body
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _extended_header(change: FileChange) -> list[str]:
    """The lines under `diff --git`. A mode before the change isn't known; git tells only two apart and just warns."""
    executable = change.mode is not None and change.mode & 0o111
    mode, other = ("100755", "100644") if executable else ("100644", "100755")
    if change.before is None:
        return [f"new file mode {mode}"]
    if change.after is None:
        return [f"deleted file mode {mode}"]
    lines = [f"old mode {other}", f"new mode {mode}"] if change.mode is not None else []
    if change.old_path is not None:
        lines += [f"rename from {quoted_name('', change.old_path)}", f"rename to {quoted_name('', change.path)}"]
    return lines


def quoted_name(prefix: str, path: str) -> str:
    """A path as git writes it: quoted like a C string where it has quotes, backslashes or control characters."""
    if not any(char in '"\\' or ord(char) < 32 or ord(char) == 127 for char in path):
        return prefix + path
    escaped = "".join(
        f"\\{char}" if char in '"\\' else f"\\{ord(char):03o}" if ord(char) < 32 or ord(char) == 127 else char
        for char in path
    )
    return f'"{prefix}{escaped}"'


def _tabbed(name: str) -> str:
    """git ends a name that has a blank with a tab, for what follows a blank could be a date."""
    return name + "\t" if " " in name and not name.startswith('"') else name


def _is_binary(content: bytes | None) -> bool:
    """git's own rule: a NUL among the first 8000 bytes."""
    return content is not None and b"\0" in content[:8000]


def _decoded(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "surrogateescape")
