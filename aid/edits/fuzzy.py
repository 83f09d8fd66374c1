"""Near misses: where lines stand in a document although some were misspelt, left out or made up.

It is a three-way merge whose base is what the reply quotes: quoted → document is the model's slip, quoted → new is its
wish. Both are kept where they touch different lines; where they meet, the place is refused. Only context may be
misspelt: a line that is to go must stand there, but for blanks. The document's own text wins for all context.

Lines in, alignments out; nothing raises. The work is capped: few places are looked at, each in one narrow window.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

import msgspec
from rapidfuzz import fuzz, process

from aid.edits.match import Shift, shift_between
from aid.edits.pairing import DROPPED, LINE_THRESHOLD, SAME_WORDS, line_weight, pair_lines, same_words
from aid.edits.text import Text

THRESHOLD = 0.85  # the share of the quoted text, by weight, that must stand there
MARGIN = 0.5  # by how much weight (a line's is 1 to 4) the next best place must fall short of the best one
SLIPS_SHARE = 0.2  # misspelt lines, and left out ones, per quoted line; one of each is always allowed
_MAX_WINDOWS = 12
_MAX_PLACES = 50  # a line that stands in more places says nothing of where
_MAX_LINES = 400


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """Quoted lines paired with document lines from `start` up to `end`.

    `pairs` maps indices of the quoted lines to document lines; a quoted line without one isn't there. `slips` are the
    indices paired with a line that reads differently, `dropped` document lines nothing is paired with, `lost` counts
    quoted lines, blank ones aside, that aren't there. `sound`: an edit may be placed by it.
    """

    start: int
    end: int
    pairs: dict[int, int]
    slips: frozenset[int]
    dropped: tuple[int, ...]
    lost: int
    score: float
    lacking: float
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
    found: list[Alignment] = []
    for offset, _ in votes.most_common(_MAX_WINDOWS):
        alignment = align_at(text, old, offset)
        if alignment is not None:
            found.append(alignment)
    found.sort(key=lambda alignment: alignment.lacking)
    distinct: list[Alignment] = []
    for alignment in found:
        if not any(alignment.pairs.items() & other.pairs.items() for other in distinct):
            distinct.append(alignment)
    return distinct


def align_at(text: Text, old: Sequence[str], offset: int) -> Alignment | None:
    """`old` against the document around line `offset`; None when no line of it stands there."""
    wanted = [line.strip() for line in old]
    weights = [line_weight(line) for line in wanted]
    similar = pair_lines(text, wanted, weights, offset)
    if not any(ratio == 1.0 and wanted[index] for index, (_, ratio) in similar.items()):
        return None
    pairs = {index: line for index, (line, _) in similar.items()}
    start, end = min(pairs.values()), max(pairs.values()) + 1
    taken = set(pairs.values())
    dropped = tuple(line for line in range(start, end) if line not in taken)
    slips = frozenset(index for index, (_, ratio) in similar.items() if ratio < SAME_WORDS)
    lacking = sum(weights) - sum(weights[index] * ratio for index, (_, ratio) in similar.items())
    same = sorted(index for index in pairs if index not in slips)
    shift = shift_between([old[index] for index in same], [text.bare[pairs[index]] for index in same])
    allowed = max(1, int(SLIPS_SHARE * len(old)))
    lost = sum(index not in pairs and line != "" for index, line in enumerate(wanted))
    sound = shift is not None and not lost and len(slips) <= allowed and len(dropped) <= allowed
    return Alignment(
        start=start,
        end=end,
        pairs=pairs,
        slips=slips,
        dropped=dropped,
        lost=lost,
        score=1 - lacking / sum(weights),
        lacking=lacking - DROPPED * len(dropped),
        sound=sound,
        shift=shift,
    )


def _slides(text: Text, line: int, step: int, found: Alignment) -> bool:
    """Whether a line was left out among those that read like `line`, in the direction `step`: then which of them was
    can't be told, nor on which side of it a change beside `line` goes."""
    own = text.stripped[line]
    while 0 <= line < len(text.stripped) and text.stripped[line] == own:
        if line in found.dropped:
            return True
        line += step
    return False


def best(found: Sequence[Alignment]) -> Alignment | None:
    """The one place meant, None when there is none or more than one."""
    if not found or not found[0].sound or found[0].score < THRESHOLD:
        return None
    faults = _faults(found[0])
    for other in found[1:]:
        if other.lacking - found[0].lacking < MARGIN or _faults(other) <= faults:
            return None
    return found[0]


def _faults(alignment: Alignment) -> int:
    """How many slips of the model it takes to have meant this place."""
    return len(alignment.slips) + len(alignment.dropped) + alignment.lost


def merge(
    text: Text,
    old: Sequence[str],
    new: Sequence[str],
    kept: Sequence[tuple[int, int]],
    found: Alignment,
    *,
    guessed: bool = False,
) -> list[tuple[str, bool]] | None:
    """What stands at `found` afterwards, as (line, whether it is the document's own raw line); None on a conflict.

    `guessed`: which lines are context was told from `old` and `new` being equal, not said. A line that goes beside one
    that was left out may then have been taken for one that stays, where it reads like its neighbour or others come.
    """
    result: list[tuple[str, bool]] = []
    edges = (len(old), len(new), found.end)
    last = _Anchor(-1, -1, found.start - 1)
    for mine, its, line in (*((mine, its, found.pairs[mine]) for mine, its in kept if mine in found.pairs), edges):
        lost = {at for own, at in kept if last.old < own < mine and own not in found.pairs}
        wish = [_shifted(found, new[at]) for at in range(last.new + 1, its) if at not in lost]
        told = [line for line in wish if line is not None]
        if len(told) < len(wish) or (told and lost):
            return None
        segment = _segment(text, old, range(last.old + 1, mine), told, range(last.line + 1, line), found)
        if segment is None:
            return None
        gone = [line.strip() for line in old[last.old + 1 : mine]]
        if guessed and gone and not told and any(own for _, own in segment):
            beside = [side.strip() for side in (*old[max(last.old, 0) : last.old + 1], *old[mine : mine + 1])]
            if len(kept) < len(new) or not {gone[0], gone[-1]}.isdisjoint(beside):
                return None
        changed = bool(told) or mine - last.old > 1
        slides = (last.old >= 0 and _slides(text, last.line, -1, found)) or (
            mine < len(old) and _slides(text, line, 1, found)
        )
        if changed and slides and not (mine - last.old == 1 and _apart(text, last.line + 1, segment)):
            return None
        result += segment
        if mine < len(old):
            result.append((text.raw[line], True))
        last = _Anchor(mine, its, line)
    return result


class _Anchor(msgspec.Struct, frozen=True):
    """A line of context: its index among the quoted lines and the new ones, and its line in the document."""

    old: int
    new: int
    line: int


def _shifted(found: Alignment, line: str) -> str | None:
    return found.shift.line(line) if found.shift is not None else None


def _segment(
    text: Text, old: Sequence[str], gone: Sequence[int], wish: Sequence[str], lines: range, found: Alignment
) -> list[tuple[str, bool]] | None:
    """The lines between two lines of context: `gone` quoted lines become `wish`, the document has `lines`.

    Lines left out of the quote stay where they are; None where new lines could go above them as well as below.
    """
    taken = {found.pairs[index]: index for index in gone if index in found.pairs}
    own_lines = [line for line in lines if line not in taken]
    own = [(text.raw[line], True) for line in own_lines]
    slips = [line for line, index in taken.items() if not same_words(old[index], text.bare[line])]
    if slips:
        return [(line, False) for line in wish] if not own and _spelt_right(text, slips, wish) else None
    if not own or not wish:
        return own or [(line, False) for line in wish]
    new = [(line, False) for line in wish]
    if not gone:
        fitting = [at for at in range(len(own) + 1) if _apart(text, lines.start, [*own[:at], *new, *own[at:]])]
        return [*own[: fitting[0]], *new, *own[fitting[0] :]] if len(fitting) == 1 else None
    quoted = [old[index] for index in taken.values()]
    if quoted and min(taken) > own_lines[-1] and _counterpart(quoted[0], wish) == 0:
        return own + new
    if quoted and max(taken) < own_lines[0] and _counterpart(quoted[-1], wish) == len(wish) - 1:
        return new + own
    return None


def _apart(text: Text, first: int, segment: Sequence[tuple[str, bool]]) -> bool:
    """Whether new lines are as far from the text above and below as that was from each other: a segment from line
    `first` on that only adds. Blank lines are added to one side of what they set apart, so they tell which side it is.
    """
    new = [line.strip() for line, own in segment if not own]
    if not any(new) or (new[0] and new[-1]):
        return False
    at = first + next(index for index, (_, own) in enumerate(segment) if not own)
    above, below = range(at - 1, -1, -1), range(at, len(text.stripped))
    return _blank(new) == _blank(text.stripped[line] for line in below) and _blank(reversed(new)) == _blank(
        text.stripped[line] for line in above
    )


def _blank(lines: Iterable[str]) -> int:
    """How many blank lines come first."""
    return sum(1 for _ in takewhile(lambda line: not line, lines))


def _counterpart(quoted: str, wish: Sequence[str]) -> int | None:
    """Which of the new lines stands for a quoted one: the one most like it, None when none is like it or two are."""
    ratios = [fuzz.ratio(quoted.strip(), line.strip()) for line in wish]
    most = max(ratios)
    return ratios.index(most) if most >= 100 * LINE_THRESHOLD and ratios.count(most) == 1 else None


def _spelt_right(text: Text, slips: Sequence[int], wish: Sequence[str]) -> bool:
    """Whether the document's own spelling of every misspelt line is among the new lines: nothing of it is lost."""
    wished = [line.strip() for line in wish]
    own = [text.stripped[line] for line in slips]
    return _in_order(own, wished) and all(wished.count(line) == 1 for line in own)


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
