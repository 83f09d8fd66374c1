"""The order of a check's stages."""

from typing import get_args

from ces.builds.adapter import Step
from ces.verdict import Stage

ORDER: tuple[Stage, ...] = get_args(Stage)


def upto(last: Stage, *steps: Step) -> tuple[Step, ...]:
    """The steps whose stage is not past `last`; where that is none, those of the first stage there is.

    A build that can't stop so early goes on to where it can: nothing run would prove nothing.
    """
    reached = max(ORDER.index(last), min((ORDER.index(step.stage) for step in steps), default=0))
    return tuple(step for step in steps if ORDER.index(step.stage) <= reached)
