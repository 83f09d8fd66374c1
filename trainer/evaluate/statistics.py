"""Rates with their uncertainty. Pure.

pass@k is the unbiased estimator of Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1.
Intervals are percentile bootstraps over tasks (samples of one task are not independent), 95 %, with a fixed seed. Where
all tasks have the same value, one task among them, resampling would say that nothing is unsure: there the interval is
what the value could be if as many tasks differed as may well have gone unseen (Wilson 1927, none of so many), each by
as much as can be. For tasks that all pass or all fail it is Wilson's own.
"""

import math
import random
from collections.abc import Sequence

import msgspec

RESAMPLES = 2000
_SEED = 20
_SAME = 1e-9  # 1/3 less 2/3 and 2/3 less 1 differ by rounding
Counts = tuple[int, int]  # (samples, of them passed) of one task


class Rate(msgspec.Struct, frozen=True):
    """An estimate between 0 and 1 and its 95 % interval, over `tasks` tasks."""

    value: float
    low: float
    high: float
    tasks: int


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """Two models on the same tasks. `difference` is the first's pass@1 less the second's; `better` and `worse` count
    the tasks where the first passes more or less often; `p_value` is that of the two-sided sign test on those."""

    difference: Rate
    better: int
    worse: int
    p_value: float


def pass_at(samples: int, passed: int, k: int) -> float:
    """The chance that one of `k` samples passes, from `passed` of `samples`; `k` is at most `samples`."""
    if samples - passed < k:
        return 1.0
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def pass_rate(tasks: Sequence[Counts], k: int) -> Rate | None:
    """pass@k over tasks; None when none of them has `k` samples."""
    return _mean([pass_at(samples, passed, k) for samples, passed in tasks if samples >= k], least=0.0)


def paired(first: Sequence[Counts], second: Sequence[Counts]) -> Paired | None:
    """Compare two models, task by task in the same order; None without tasks."""
    differences = [a[1] / a[0] - b[1] / b[0] for a, b in zip(first, second, strict=True)]
    mean = _mean(differences, least=-1.0)
    if mean is None:
        return None
    better = sum(difference > 0 for difference in differences)
    worse = sum(difference < 0 for difference in differences)
    return Paired(difference=mean, better=better, worse=worse, p_value=_sign_test(better, worse))


def share(count: int, total: int) -> Rate:
    """`count` of `total`, with Wilson's interval (1927) at 95 %."""
    if not total:
        return Rate(0.0, 0.0, 1.0, 0)
    z, rate = 1.959964, count / total
    middle = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    low = max(0.0, middle - half) if count else 0.0  # which rounding would miss by a hair
    high = min(1.0, middle + half) if count < total else 1.0
    return Rate(rate, low, high, total)


def percentile(values: Sequence[float], at: float) -> float:
    """The value below which `at` (0 to 1) of `values` lie, interpolated; 0 for none."""
    if not values:
        return 0.0
    ranked = sorted(values)
    place = at * (len(ranked) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def _mean(values: Sequence[float], least: float) -> Rate | None:
    """The mean of values from `least` to 1, None for none."""
    if not values:
        return None
    if max(values) - min(values) < _SAME:
        value, unseen = values[0], share(0, len(values)).high
        return Rate(value, value - unseen * (value - least), value + unseen * (1.0 - value), len(values))
    chance = random.Random(_SEED)
    found = [sum(chance.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES)]
    return Rate(sum(values) / len(values), percentile(found, 0.025), percentile(found, 0.975), len(values))


def _sign_test(better: int, worse: int) -> float:
    total, fewer = better + worse, min(better, worse)
    if not total:
        return 1.0
    tail = sum(math.comb(total, count) for count in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << total))
