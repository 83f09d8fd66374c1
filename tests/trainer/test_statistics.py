"""Rates, intervals and comparisons, against values worked out by hand or by brute force."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluate.statistics import paired, pass_at, pass_rate, percentile, share


@given(st.integers(1, 7), st.data())
def test_pass_at_k_is_the_share_of_the_ways_to_choose_k_that_hold_one_that_passed(
    samples: int, data: st.DataObject
) -> None:
    passed, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))
    ways = list(itertools.combinations([n < passed for n in range(samples)], k))
    assert pass_at(samples, passed, k) == pytest.approx(sum(map(any, ways)) / len(ways))


def test_a_rate_has_an_interval_that_holds_it_and_narrows_with_tasks() -> None:
    few, many = pass_rate([(4, 2)] * 5 + [(4, 0)] * 5, 1), pass_rate([(4, 2)] * 200 + [(4, 0)] * 200, 1)
    assert few is not None and many is not None
    assert few.value == many.value == 0.25
    assert few.low <= 0.25 <= few.high
    assert many.high - many.low < few.high - few.low


def test_a_rate_of_none_or_all_is_not_certain() -> None:
    none, every = pass_rate([(4, 0)] * 4, 1), pass_rate([(4, 4)] * 4, 1)
    assert none is not None and every is not None
    assert (none.value, none.low, every.value, every.high) == (0.0, 0.0, 1.0, 1.0)
    assert none.high > 0.4 and every.low < 0.6
    assert (none.high, every.low) == pytest.approx((share(0, 4).high, share(4, 4).low))


def test_equal_tasks_are_not_certain() -> None:
    one, many = pass_rate([(4, 2)], 1), pass_rate([(4, 2)] * 60, 1)
    assert one is not None and many is not None
    assert one.low < 0.2 and one.high > 0.8
    assert 0.45 < many.low < 0.5 < many.high < 0.55
    rounded = paired([(3, 1), (3, 2)], [(3, 2), (3, 3)])
    assert rounded is not None and rounded.difference.high > 0.0


def test_tasks_with_too_few_samples_are_left_out() -> None:
    rate = pass_rate([(8, 1), (2, 2)], 8)
    assert rate is not None and (rate.value, rate.tasks) == (1.0, 1)
    assert pass_rate([(2, 1)], 4) is None


def test_the_same_model_does_not_differ_from_itself() -> None:
    found = paired([(4, 1), (4, 3)], [(4, 1), (4, 3)])
    assert found is not None
    assert (found.difference.value, found.better, found.worse, found.p_value) == (0.0, 0, 0, 1.0)


def test_a_model_that_is_better_on_every_task() -> None:
    found = paired([(2, 2)] * 8, [(2, 0)] * 8)
    assert found is not None
    assert (found.difference.value, found.difference.high, found.better, found.worse) == (1.0, 1.0, 8, 0)
    assert 0.2 < found.difference.low < 0.5
    assert found.p_value == pytest.approx(2 / 2**8)
    one = paired([(1, 0)], [(1, 1)])
    assert one is not None
    assert (one.difference.value, one.difference.low) == (-1.0, -1.0) and one.difference.high > 0.0


def test_wilsons_interval() -> None:
    rate = share(1, 10)
    assert (rate.value, round(rate.low, 4), round(rate.high, 4)) == (0.1, 0.0179, 0.4042)
    assert (share(0, 0).low, share(0, 0).high) == (0.0, 1.0)


def test_an_interval_holds_its_rate_whatever_rounding_does() -> None:
    for total in range(1, 400):
        assert (share(total, total).high, share(0, total).low) == (1.0, 0.0)


def test_percentiles_are_interpolated() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], at) for at in (0.0, 0.5, 1.0)] == [1.0, 2.5, 4.0]
    assert percentile([], 0.5) == 0.0
