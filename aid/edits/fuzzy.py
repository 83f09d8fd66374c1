"""Near misses: where lines stand in a document although some were misspelt, left out or made up.

It is a three-way merge whose base is what the reply quotes: quoted → document is the model's slip, quoted → new is its
wish. Both are kept where they touch different lines; where they meet, the place is refused. Only context may be
misspelt: a line that is to go must stand there, but for blanks. The document's own text wins for all context.

Lines in, alignments out; nothing raises. The work is capped: few places are looked at, each in one narrow window.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from rapidfuzz import fuzz, process

from aid.edits.diff import same_pairs
from aid.edits.match import Shift, shift_between
from aid.edits.text import Text

THRESHOLD = 0.85  # the share of the quoted text, by weight, that must stand there
MARGIN = 0.10  # by how much the best place must beat another that would do
CLOSE_MARGIN = 0.02  # and one that reads alike but would not do
LINE_THRESHOLD = 0.6  # how alike a misspelt line must be to the line it stands for
SLIPS_SHARE = 0.2  # misspelt lines, and left out ones, per quoted line; one of each is always allowed
_SLACK = 4  # lines a window is wider than what is quoted, above and below
_MAX_WINDOWS = 12
_MAX_PLACES = 50  # a line that stands in more places says nothing of where
_MAX_LINES = 2000


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """Quoted lines paired with document lines from `start` up to `end`.

    `pairs` maps indices of the quoted lines to document lines; a quoted blank line may have none. `slips` are the
    indices paired with a line that reads differently, `dropped` document lines nothing is paired with.
    """

    start: int
    end: int
    pairs: dict[int, int]
    slips: frozenset[int]
    dropped: tuple[int, ...]
    score: float
    sound: bool
    shift: Shift | None


def alignments(text: Text, old: Sequence[str]) -> list[Alignment]:
    """The places that read most like `old`, best first, each only once."""
    if len(old) > _MAX_LINES:
        return []
    votes: Counter[int] = Counter()
    for index, line in enumerate(old):
        places = text.by_line.get(line.strip(), ())
        if len(places) <= _MAX_PLACES:
            for place in places:
                votes[place - index] += 1 + min(len(line.strip()), 60)
    found: dict[tuple[int, int], Alignment] = {}
    for offset, _ in votes.most_common(_MAX_WINDOWS):
        alignment = align_at(text, old, offset)
        if alignment is not None:
            key = (alignment.start, alignment.end)
            if key not in found or found[key].score < alignment.score:
                found[key] = alignment
    return sorted(found.values(), key=lambda alignment: -alignment.score)


def align_at(text: Text, old: Sequence[str], offset: int) -> Alignment | None:
    """`old` against the document around line `offset`; None when no line of it stands there."""
    wanted = [line.strip() for line in old]
    first = max(0, offset - _SLACK)
    window = text.stripped[first : offset + len(old) + _SLACK]
    pairs: dict[int, int] = {}
    for start, place, length in same_pairs(wanted, window):
        pairs.update((start + step, first + place + step) for step in range(length))
    _leave_stray_blanks(wanted, pairs)
    if not any(wanted[index] for index in pairs):
        return None
    similar = dict.fromkeys(pairs, 1.0)
    sound = _pair_between(text, wanted, pairs, similar)
    return _alignment(text, old, pairs, similar, sound)


def _leave_stray_blanks(wanted: Sequence[str], pairs: dict[int, int]) -> None:
    """Unpair blank lines at both ends: they match anything."""
    for indices in (sorted(pairs), sorted(pairs, reverse=True)):
        for index in indices:
            if wanted[index]:
                break
            pairs.pop(index, None)


def _pair_between(text: Text, wanted: Sequence[str], pairs: dict[int, int], similar: dict[int, float]) -> bool:
    """Pair the lines between those that are the same, in place; whether every line that isn't blank found its own."""
    sound = True
    exact = sorted(pairs.items())
    edges = [(-1, None), *exact, (len(wanted), None)]
    for (low, place), (high, next_place) in pairwise(edges):
        count = high - low - 1
        if not count:
            continue
        if place is None and next_place is not None:
            places = range(next_place - count, next_place)
        elif place is not None and (next_place is None or next_place - place - 1 == count):
            places = range(place + 1, place + 1 + count)
        else:
            sound &= not any(wanted[low + 1 : high])
            continue
        for index, line in zip(range(low + 1, high), places, strict=True):
            within = 0 <= line < len(text.stripped)
            ratio = fuzz.ratio(wanted[index], text.stripped[line]) / 100 if within and wanted[index] else 0.0
            if ratio >= LINE_THRESHOLD:
                pairs[index], similar[index] = line, ratio
            else:
                sound &= not wanted[index]
    return sound


def _alignment(
    text: Text, old: Sequence[str], pairs: dict[int, int], similar: dict[int, float], sound: bool
) -> Alignment:
    start, end = min(pairs.values()), max(pairs.values()) + 1
    taken = set(pairs.values())
    dropped = tuple(line for line in range(start, end) if line not in taken)
    weights = [_weight(line) for line in old]
    reached = sum(weights[index] * ratio for index, ratio in similar.items())
    slips = frozenset(index for index, ratio in similar.items() if ratio < 1.0)
    allowed = max(1, int(SLIPS_SHARE * len(old)))
    sound &= len(slips) <= allowed and len(dropped) <= allowed
    sound &= not any(_slides(text, line) for line in dropped)
    same = sorted(index for index in pairs if index not in slips)
    shift = shift_between([old[index] for index in same], [text.bare[pairs[index]] for index in same])
    score = reached / sum(weights) - 0.03 * len(dropped)
    return Alignment(
        start=start,
        end=end,
        pairs=pairs,
        slips=slips,
        dropped=dropped,
        score=score,
        sound=sound and shift is not None,
        shift=shift,
    )


def _weight(line: str) -> float:
    length = len(line.strip())
    return 1 + min(length, 60) / 20 if length else 0.2


def _slides(text: Text, line: int) -> bool:
    """Whether a left-out line reads like a neighbour: then which of the two was left out can't be told."""
    own = text.stripped[line]
    return own in text.stripped[max(0, line - 1) : line] or own in text.stripped[line + 1 : line + 2]


def best(found: Sequence[Alignment]) -> Alignment | None:
    """The one place meant, None when there is none or more than one."""
    if not found or not found[0].sound or found[0].score < THRESHOLD:
        return None
    for other in found[1:]:
        if found[0].score - other.score < (MARGIN if other.sound else CLOSE_MARGIN):
            return None
    return found[0]


def merge(
    text: Text, old: Sequence[str], new: Sequence[str], kept: Sequence[tuple[int, int]], found: Alignment
) -> list[tuple[str, bool]] | None:
    """What stands at `found` afterwards, as (line, whether it is the document's own raw line); None on a conflict."""
    result: list[tuple[str, bool]] = []
    anchors = [(mine, its, found.pairs[mine]) for mine, its in kept if mine in found.pairs]
    blanks_made_up = {its for mine, its in kept if mine not in found.pairs}
    old_at, new_at, line_at = 0, 0, found.start
    for mine, its, line in (*anchors, (len(old), len(new), found.end)):
        wish = [new[index] for index in range(new_at, its) if index not in blanks_made_up]
        gone = [index for index in range(old_at, mine) if index in found.pairs]
        segment = _segment(text, old, gone, wish, range(line_at, line), found)
        if segment is None:
            return None
        result += segment
        if mine < len(old):
            result.append((text.raw[line], True))
        old_at, new_at, line_at = mine + 1, its + 1, line + 1
    return result


def _segment(
    text: Text, old: Sequence[str], gone: Sequence[int], wish: Sequence[str], lines: range, found: Alignment
) -> list[tuple[str, bool]] | None:
    """The lines between two lines of context: `gone` quoted lines become `wish`, the document has `lines`."""
    if not gone and not wish:
        return [(text.raw[line], True) for line in lines]
    wished = [line.strip() for line in wish]
    shifted = [found.shift.line(line) if found.shift else line for line in wish]
    plain = [(line, False) for line in shifted if line is not None]
    if len(plain) < len(wish):
        return None
    taken = [found.pairs[index] for index in gone]
    exact = all(_same_words(old[index], text.bare[found.pairs[index]]) for index in gone)
    if exact and len(taken) == len(lines):
        return plain
    if exact and taken and taken[-1] - taken[0] == len(taken) - 1:
        above = [(text.raw[line], True) for line in range(lines.start, taken[0])]
        return above + plain + [(text.raw[line], True) for line in range(taken[-1] + 1, lines.stop)]
    foreign = [text.stripped[line] for line in lines if line not in taken]
    foreign += [text.stripped[found.pairs[index]] for index in gone if index in found.slips]
    return plain if foreign and _in_order(foreign, wished) and len(foreign) <= len(wished) else None


def _same_words(quoted: str, line: str) -> bool:
    return quoted.split() == line.split()


def _in_order(wanted: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether `wanted` all stand in `lines`, in that order."""
    rest = iter(lines)
    return all(line in rest for line in wanted)


def nearest(text: Text, old: Sequence[str], found: Sequence[Alignment]) -> tuple[int, ...]:
    """The one-based lines of the document that read most like `old`, best first, at most three."""
    near = [alignment.start + 1 for alignment in found if alignment.score >= 0.3]
    if not near and old:
        longest = max((line.strip() for line in old[:_MAX_LINES]), key=len)
        lines = text.stripped[:20_000]
        alike = process.extract(longest[:500], lines, scorer=fuzz.ratio, limit=3, score_cutoff=50)
        near = [index + 1 for _, _, index in alike]
    return tuple(near[:3])
