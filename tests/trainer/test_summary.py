"""Samples to a report."""

import random

from tests.trainer.test_guards import sample
from trainer.evaluate.sample import Sample
from trainer.evaluate.summary import report


def test_the_order_in_which_samples_came_changes_nothing() -> None:
    def taken(model: str) -> list[Sample]:
        return [
            sample(f"t{n}", index, model=model, kind=f"k{n % 2}", green=(n * 7 + index) % 5 < 2, flags=(f"f{n % 3}",))
            for n in range(12)
            for index in range(4)
        ]

    known = {"m": taken("m"), "now": taken("now")[:40]}
    mixed = {model: random.Random(1).sample(samples, len(samples)) for model, samples in known.items()}
    assert report(mixed, "m", "now") == report(known, "m", "now")
