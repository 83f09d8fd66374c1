"""Which of several judged candidates to show: the judging itself is `ces.check`'s. Pure."""

from collections.abc import Sequence
from typing import TypeVar

from aid.wording import gone_tests
from ces.verdict import Verdict

T = TypeVar("T")

_ORDER = {"green": 0, "red": 1, "unchecked": 2, "timeout": 3, "infra_error": 4, "hack": 5}
_STAGES = ("format", "apply", "parse", "typecheck", "build", "test")


def rank(verdict: Verdict) -> tuple[int, int, int, int]:
    """A sort key, least is best: green, then red with the fewest new errors, the most fixed, the furthest stage.

    Red that adds errors stands behind what nobody could check: it is known to be bad.
    """
    order = _ORDER[verdict.status]
    new = len(verdict.diagnostics)
    if verdict.status == "red" and new:
        order = _ORDER["timeout"] + 1
    stage = _STAGES.index(verdict.stage) if verdict.stage else -1
    return (order, new, -verdict.fixed, -stage)


def best(judged: Sequence[tuple[T, Verdict]]) -> tuple[T, Verdict] | None:
    """The candidate to show, the earliest of equals; None of none."""
    return min(judged, key=lambda pair: rank(pair[1]), default=None)


def held(verdict: Verdict) -> str:
    """Why a green change is not written by itself all the same; empty for one that may be."""
    gone = gone_tests(verdict) if verdict.status == "green" else ""
    return f"its tests are {gone}" if gone else ""


def may_apply(verdict: Verdict, *, has_build: bool) -> str | None:
    """None when `--apply` may write this without asking further, else why not.

    Green may, unless tests are gone that would have told; where the workspace has no build (or checking is off) there
    is nothing to wait for.
    """
    if verdict.status == "green":
        return held(verdict) or None
    if verdict.status == "unchecked" and not has_build:
        return None
    if verdict.status == "red":
        new = sum(each.severity == "error" for each in verdict.diagnostics)
        count, what = (new, "new error") if new else (verdict.remaining, "remaining error")
        return f"the build is red: {count} {what}{'' if count == 1 else 's'}"
    return f"the build did not say: {verdict.status}" + (f", {verdict.reason}" if verdict.reason else "")
