"""Moving a change onto a file that was edited meanwhile: a three-way merge that would rather refuse.

Pure. A hunk is moved only when its lines, with the neighbouring line on either side, stand in the current file exactly
once, unchanged. The file's end counts as a line; so does its beginning to what is inserted there, while lines that are
replaced at the beginning may since have got others above them. Where these lines were already repeated in the file
the change was made from, as many neighbours are taken in as make them unique.
"""

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise

import msgspec

from aid.edits.diff import same_pairs
from aid.edits.edit import Rejected
from ces.change import FileChange

_NAMED_LINES = 20
_LINE_FEED = 0x0A


class Hunk(msgspec.Struct, frozen=True):
    """Lines [first, last) of the one text become lines [new_first, new_last) of the other; zero-based."""

    first: int
    last: int
    new_first: int
    new_last: int


class _Splice(msgspec.Struct, frozen=True, order=True):
    """Bytes [start, end) of the current file are to become `text`."""

    start: int
    end: int
    text: bytes


def hunks(old: Sequence[bytes], new: Sequence[bytes]) -> list[Hunk]:
    """How the lines `old` become `new`, in order."""
    found: list[Hunk] = []
    at, new_at = 0, 0
    pairs = same_pairs([line.decode("latin-1") for line in old], [line.decode("latin-1") for line in new])
    for same, new_same, length in (*pairs, (len(old), len(new), 0)):
        if (at, new_at) != (same, new_same):
            found.append(Hunk(at, same, new_at, new_same))
        at, new_at = same + length, new_same + length
    return found


def rebase(change: FileChange, current: bytes | None) -> FileChange | Rejected:
    """`change`, made from `change.before`, on the file as it is now; Rejected says which lines of it stand in the way.

    The result has `current` as its `before`. A deletion is never moved: the edits made meanwhile would be lost.
    """
    if current == change.before:
        return change
    if change.before is None:
        return Rejected(path=change.path, reason="exists already")
    if current is None:
        return Rejected(path=change.old_path or change.path, reason="deleted or renamed since")
    if change.after is None:
        old, now = lines(change.before), lines(current)
        return _edited(change, [line for theirs in hunks(old, now) for line in _numbers(theirs)])
    return _merge(change, change.before, change.after, current)


def lines(text: bytes) -> list[bytes]:
    """The lines of `text` with their endings; only a line feed ends one."""
    return BytesIO(text).readlines()


def _merge(change: FileChange, before: bytes, after: bytes, current: bytes) -> FileChange | Rejected:
    old, new = lines(before), lines(after)
    splices: list[_Splice] = []
    for ours in hunks(old, new):
        region = _region(before, old, new, ours)
        found = region.places(current)
        if len(found) > 1:
            near = tuple(current.count(b"\n", 0, at) + 1 for at in found)
            return Rejected(path=change.path, reason="its place is no longer unique", near=near)
        if not found:
            return _edited(change, _touching(ours, hunks(old, lines(current))))
        start = found[0] + region.lead
        text = b"".join(new[ours.new_first : ours.new_last])
        splices.append(_Splice(start, start + region.size, text))
    splices.sort()
    for one, other in pairwise(splices):
        if other.start < one.end or other.start == one.start:
            near = (current.count(b"\n", 0, other.start) + 1,)
            return Rejected(path=change.path, reason="two of its places have become one", near=near)
    return msgspec.structs.replace(change, before=current, after=_spliced(current, splices))


class _Region(msgspec.Struct, frozen=True):
    """A hunk's old lines among their neighbours: `size` bytes to replace, `lead` bytes into `text`."""

    text: bytes
    lead: int
    size: int
    at_start: bool
    at_end: bool

    def places(self, within: bytes) -> list[int]:
        """Where the region stands in `within`, as whole lines; at most _NAMED_LINES places."""
        found: list[int] = []
        at = within.find(self.text)
        while at >= 0 and len(found) < _NAMED_LINES:
            end = at + len(self.text)
            starts_line = at == 0 or (not self.at_start and within[at - 1] == _LINE_FEED)
            ends_line = end == len(within) or (not self.at_end and self.text.endswith(b"\n"))
            if starts_line and ends_line:
                found.append(at)
            at = within.find(self.text, at + 1)
        return found


def _region(before: bytes, old: list[bytes], new: list[bytes], hunk: Hunk) -> _Region:
    """`hunk` with as many neighbouring lines, at least one, as make it unique in `before`.

    Neighbours equal to a changed line don't count, nor a row of equal lines that is added into: one of them is any.
    """
    changed = {*old[hunk.first : hunk.last], *new[hunk.new_first : hunk.new_last]}
    if 0 < hunk.first == hunk.last < len(old) and old[hunk.first - 1] == old[hunk.last]:
        changed.add(old[hunk.last])
    top, bottom = hunk.first, hunk.last
    while top > 0 and old[top - 1] in changed:
        top -= 1
    while bottom < len(old) and old[bottom] in changed:
        bottom += 1
    around = 1
    while True:
        first, last = max(0, top - around), min(len(old), bottom + around)
        region = _Region(
            text=b"".join(old[first:last]),
            lead=sum(map(len, old[first : hunk.first])),
            size=sum(map(len, old[hunk.first : hunk.last])),
            at_start=top < around and hunk.first == hunk.last,
            at_end=bottom + around > len(old),
        )
        if (first == 0 and last == len(old)) or len(region.places(before)) == 1:
            return region
        around += (around + 1) // 2


def _spliced(current: bytes, splices: list[_Splice]) -> bytes:
    pieces, at = [], 0
    for splice in splices:
        pieces += [current[at : splice.start], splice.text]
        at = splice.end
    return b"".join([*pieces, current[at:]])


def _touching(ours: Hunk, theirs: list[Hunk]) -> list[int]:
    """The lines of `theirs` that overlap or adjoin `ours`; all of theirs when the place was lost by repetition."""
    near = [each for each in theirs if each.first <= ours.last and ours.first <= each.last]
    return [number for each in near or theirs for number in _numbers(each)]


def _numbers(hunk: Hunk) -> range:
    """One-based lines of the new text; for lines taken out, the one that now stands there."""
    return range(hunk.new_first + 1, max(hunk.new_last, hunk.new_first + 1) + 1)


def _edited(change: FileChange, numbers: list[int]) -> Rejected:
    return Rejected(path=change.path, reason="edited since", near=tuple(numbers[:_NAMED_LINES]))
