"""Which line of a document each quoted line stands for, near a place: an alignment of two runs of lines.

Lines in, pairs out. The work is one pass over a narrow band: lines times twice the slack.
"""

from collections.abc import Sequence
from typing import Literal

from rapidfuzz import fuzz

from aid.edits.text import Text

LINE_THRESHOLD = 0.6  # how alike a misspelt line must be to the line it stands for
SAME_WORDS = 0.999  # how alike lines are that differ in the blanks between words alone: no slip
DROPPED = -0.7  # what a line of the document costs that no quoted line stands for
_SLACK = 4  # lines by which a quoted line may be off its place, above and below
_WIDTH = 2 * _SLACK + 1

_Step = tuple[Literal["pair", "lost", "dropped"], float]


def pair_lines(
    text: Text, wanted: Sequence[str], weights: Sequence[float], offset: int
) -> dict[int, tuple[int, float]]:
    """Each quoted line's document line near its place, and how alike they are, 0 to 1: the best pairing in order.

    `wanted` are stripped, the first should stand on line `offset`. Needleman and Wunsch's alignment (1970) in a band;
    what the document has above and below costs nothing.
    """
    scores = [0.0] * _WIDTH
    steps: list[list[_Step]] = []
    for index, line in enumerate(wanted):
        scores, row = _row(text, line, weights[index], scores, index + offset - _SLACK)
        steps.append(row)
    found: dict[int, tuple[int, float]] = {}
    at, index = scores.index(max(scores)), len(wanted) - 1
    while index >= 0 and 0 <= at < _WIDTH:
        step, ratio = steps[index][at]
        if step == "dropped":
            at -= 1
            continue
        if step == "lost":
            at += 1
        elif ratio:
            found[index] = (index + offset - _SLACK + at, ratio)
        index -= 1
    return found


def _row(text: Text, line: str, weight: float, above: Sequence[float], first: int) -> tuple[list[float], list[_Step]]:
    """One quoted line against the band of the document that begins at `first`: the best scores, and how come."""
    scores: list[float] = []
    steps: list[_Step] = []
    for at in range(_WIDTH):
        place = first + at
        ratio = likeness(line, text.stripped[place]) if 0 <= place < len(text.stripped) else 0.0
        best: tuple[float, _Step] = (above[at] - 2 * weight, ("pair", 0.0))
        if at + 1 < _WIDTH:
            best = (above[at + 1] - weight, ("lost", 0.0))
        if ratio >= LINE_THRESHOLD and above[at] + weight * ratio >= best[0]:
            best = (above[at] + weight * ratio, ("pair", ratio))
        if at and scores[at - 1] + DROPPED > best[0]:
            best = (scores[at - 1] + DROPPED, ("dropped", 0.0))
        scores.append(best[0])
        steps.append(best[1])
    return scores, steps


def likeness(wanted: str, line: str) -> float:
    """How alike two stripped lines are: 1 the same, 0 less than `LINE_THRESHOLD`."""
    if wanted == line:
        return 1.0
    if not wanted or not line:
        return 0.0
    ratio = fuzz.ratio(wanted, line, score_cutoff=100 * LINE_THRESHOLD) / 100
    return SAME_WORDS if ratio and same_words(wanted, line) else min(0.99, ratio)


def same_words(wanted: str, line: str) -> bool:
    return wanted.split() == line.split()


def line_weight(line: str) -> float:
    """How much a line says of where it stands: 1 to 4 by its length, a blank one hardly anything."""
    length = len(line.strip())
    return 1 + min(length, 60) / 20 if length else 0.2
