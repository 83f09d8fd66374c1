"""Which suggestions go together: from the suggestions for each diagnostic to combinations, best first. Pure.

A combination takes at most one suggestion for each diagnostic and never two that touch the same text. The first takes
the best of each, so that one answer mends as many errors as it can; later ones follow by falling likelihood, where
leaving a diagnostic alone is always its last choice.
"""

import heapq
import math
from collections.abc import Iterator, Sequence

from aid.models.hints.suggestion import Suggestion, TextEdit

Combination = tuple[Suggestion, ...]

MOST_STATES = 512
CHOICES = 4


def combinations(choices: Sequence[Sequence[Suggestion]]) -> Iterator[Combination]:
    """Combinations that differ in what they write, best first; `choices` holds each diagnostic's suggestions.

    At most MOST_STATES are looked at, and the best CHOICES of each diagnostic.
    """
    ranked = [_ranked(each) for each in choices]
    ranked = [each for each in ranked if each]
    costs = [_costs(each) for each in ranked]
    first = (0,) * len(ranked)
    queue = [(0.0, first)] if ranked else []
    queued = {first}
    seen: set[frozenset[TextEdit]] = set()
    for _ in range(MOST_STATES):
        if not queue:
            return
        cost, state = heapq.heappop(queue)
        taken = _together([(each[n], n) for each, n in zip(ranked, state, strict=True) if n < len(each)])
        written = frozenset(edit for suggestion in taken for edit in suggestion.edits)
        if written and written not in seen:
            seen.add(written)
            yield taken
        for i, n in enumerate(state):
            further = (*state[:i], n + 1, *state[i + 1 :])
            if n < len(ranked[i]) and further not in queued:
                queued.add(further)
                heapq.heappush(queue, (cost + costs[i][n + 1] - costs[i][n], further))


def _ranked(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """Most confident first, the same edits once."""
    best: dict[tuple[TextEdit, ...], Suggestion] = {}
    for each in sorted(suggestions, key=lambda suggestion: -suggestion.confidence):
        best.setdefault(each.edits, each)
    return list(best.values())[:CHOICES]


def _costs(ranked: Sequence[Suggestion]) -> list[float]:
    """-log of each choice's chance, never falling; the last is the chance that none of them is right."""
    chances = [min(max(each.confidence, 0.02), 0.98) for each in ranked]
    none = min(max(1 - sum(chances), 0.02), chances[-1])
    return [-math.log(chance) for chance in (*chances, none)]


def _together(taken: Sequence[tuple[Suggestion, int]]) -> Combination:
    """Those that can stand together; of two that touch the same text the more confident one stays."""
    kept: list[Suggestion] = []
    for each, _ in sorted(taken, key=lambda pair: (pair[1], -pair[0].confidence, pair[0].edits[0].start)):
        if each not in kept and not any(_clash(each, other) for other in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda suggestion: (suggestion.edits[0].path, suggestion.edits[0].start)))


def _clash(one: Suggestion, other: Suggestion) -> bool:
    if one.alone and other.alone and one.edits[0].path == other.edits[0].path:
        return True
    return any(_touch(a, b) for a in one.edits for b in other.edits if a != b)


def _touch(a: TextEdit, b: TextEdit) -> bool:
    if a.path != b.path:
        return False
    if a.start == b.start:
        return True
    return a.start < b.end and b.start < a.end
