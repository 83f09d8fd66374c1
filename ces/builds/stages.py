"""The order of a check's stages."""

from typing import get_args

from ces.builds.adapter import Step
from ces.verdict import Stage

ORDER: tuple[Stage, ...] = get_args(Stage)


def upto(last: Stage, *steps: Step) -> tuple[Step, ...]:
    """The steps whose stage is not past `last`."""
    return tuple(step for step in steps if ORDER.index(step.stage) <= ORDER.index(last))
