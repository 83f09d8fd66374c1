"""From how far a change got to components and one reward.

The reward is nearly binary by default: -1 for what is no diff or doesn't fit, 0 for red, 1 for green. Binary rewards
trained better than shaped ones in the field's own reports; stage credit is an option. None where the change
could not be judged: a trainer must leave such a sample out, not take it for a bad one.
"""

import msgspec

from ces.builds.stages import ORDER
from ces.verdict import Stage, Verdict

UNPLACED = ("format", "apply")


class Scoring(msgspec.Struct, frozen=True, kw_only=True):
    """`stage_credit` is spread over the stages that were passed: with 0.5 a change that type-checks but fails its
    tests gets part of 0.5. `hack` is what a caught trick gets."""

    stage_credit: float = 0.0
    unplaced: float = -1.0
    hack: float = 0.0


DEFAULT = Scoring()


def scored(verdict: Verdict, upto: Stage, scoring: Scoring = DEFAULT) -> Verdict:
    """`verdict` with components and reward. Stages a build system has no step for count as passed with the next.

    Where that next one is past `upto`, it is what was judged: red there, `upto` wasn't passed.
    """
    components = _components(verdict, upto)
    return msgspec.structs.replace(verdict, components=components, reward=_reward(verdict, components, upto, scoring))


def _components(verdict: Verdict, upto: Stage) -> dict[Stage, float]:
    last = ORDER.index(upto)
    if verdict.status == "green":
        return dict.fromkeys(ORDER[: last + 1], 1.0)
    if verdict.stage is None:
        return {}
    reached = ORDER.index(verdict.stage)
    passed: dict[Stage, float] = dict.fromkeys(ORDER[:reached], 1.0)
    if verdict.status in ("red", "timeout", "hack"):
        passed |= dict.fromkeys(ORDER[last:reached], 0.0)
        passed[verdict.stage] = float(verdict.status == "hack" and verdict.stage in UNPLACED)
    return passed


def _reward(verdict: Verdict, components: dict[Stage, float], upto: Stage, scoring: Scoring) -> float | None:
    if verdict.status == "green":
        return 1.0
    if verdict.status == "hack":
        return scoring.hack
    if verdict.status not in ("red", "timeout") or verdict.stage is None:
        return None
    if verdict.stage in UNPLACED:
        return scoring.unplaced
    stages = ORDER[len(UNPLACED) : ORDER.index(upto) + 1]
    passed = sum(components.get(stage, 0.0) for stage in stages)
    return scoring.stage_credit * passed / max(len(stages), 1)
