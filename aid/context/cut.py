"""Which lines of a file to show when not all of it fits. Pure.

First the lines that matter, then the definitions around them, then the file's head (imports), then what is near.
Without lines that matter: whole definitions from the top.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

from aid.context.lines import merge
from aid.context.outline import Definition, enclosing
from aid.context.piece import Span

ELISION_TOKENS = 10.0
SMALL_GAP = 2  # saying that so few lines are left out costs as much as showing them
HEAD_LINES = 12


class Costs:
    """What each line costs, in tokens; sums over spans at once."""

    def __init__(self, lines: Sequence[float]) -> None:
        self.count = len(lines)
        self._sums = list(accumulate(lines, initial=0.0))

    def of(self, spans: Sequence[Span]) -> float:
        """The lines in `spans` and the lines that say what is left out between them."""
        at = elisions = 0
        total = 0.0
        for first, last in spans:
            elisions += first > at
            total += self._sums[last] - self._sums[first]
            at = last
        elisions += at < self.count
        return total + elisions * ELISION_TOKENS


def fit(
    costs: Costs,
    focus: Sequence[Span],
    definitions: Sequence[Definition],
    limit: float,
    *,
    core: Sequence[int] = (),
) -> tuple[Span, ...]:
    """Spans of lines that cost at most `limit`; () when not even a line fits.

    Where not all of `focus` fits, it is what is nearest to the `core` lines in it, or to its spans' first lines.
    """
    if costs.of([(0, costs.count)]) <= limit:
        return merge([(0, costs.count)], costs.count)
    wanted = merge(focus, costs.count)
    if not wanted:
        return _from_top(costs, definitions, limit)
    spans = _within(wanted, core, costs, limit)
    if not spans:
        return ()
    head = min(HEAD_LINES, min((one.first for one in definitions), default=0))
    for first, last in [*_around(wanted, definitions), (0, head)]:
        wider = merge([*spans, (first, last)], costs.count, gap=SMALL_GAP)
        if costs.of(wider) <= limit:
            spans = wider
    by = _most(costs.count, lambda lines: costs.of(_widened(spans, lines, costs.count)) <= limit)
    return _widened(spans, by, costs.count)


def _around(spans: Sequence[Span], definitions: Sequence[Definition]) -> list[Span]:
    """The innermost definition around each span's ends."""
    ends = [line for first, last in spans for line in (first, last - 1)]
    found = (enclosing(definitions, line) for line in ends)
    return list(dict.fromkeys((one.first, one.last) for one in found if one is not None))


def _within(spans: tuple[Span, ...], core: Sequence[int], costs: Costs, limit: float) -> tuple[Span, ...]:
    """As much of `spans` as fits around their core lines; where not even those fit, the first ones of them."""
    chosen = sorted({line for line in core if any(first <= line < last for first, last in spans)})
    seeds = [(line, line + 1) for line in chosen]
    seeds += [(first, first + 1) for first, last in spans if not any(first <= line < last for line in chosen)]

    def around(lines: int) -> tuple[Span, ...]:
        wide = [(low - lines, high + lines) for low, high in seeds]
        inside = [(max(low, first), min(high, last)) for low, high in wide for first, last in spans]
        return merge(inside, costs.count)

    if costs.of(around(0)) > limit:
        number = _most(len(seeds), lambda number: costs.of(merge(seeds[:number], costs.count)) <= limit)
        return merge(seeds[:number], costs.count)
    return around(_most(costs.count, lambda lines: costs.of(around(lines)) <= limit))


def _widened(spans: Sequence[Span], by: int, count: int) -> tuple[Span, ...]:
    return merge(((first - by, last + by) for first, last in spans), count, gap=SMALL_GAP if by else 0)


def _from_top(costs: Costs, definitions: Sequence[Definition], limit: float) -> tuple[Span, ...]:
    """The longest beginning that fits and, if it can without losing half, ends where a definition does."""
    last = _most(costs.count, lambda lines: costs.of([(0, lines)]) <= limit)
    ends = [one.last for one in definitions if last // 2 <= one.last <= last]
    return merge([(0, max(ends, default=last))], costs.count)


def _most(high: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `high` that fits; 0 when 1 doesn't."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
