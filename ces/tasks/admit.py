"""Whether a candidate is a task: its broken state is red and its gold diff green, every time.

The judge is given from outside. What the machine did wrong is neither: such a candidate is asked about again later.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from ces.errors import BadChange
from ces.request import CheckRequest
from ces.tasks.prompt import prompts
from ces.tasks.task import Task
from ces.verdict import Verdict

Check = Callable[[CheckRequest], Awaitable[Verdict]]
Outcome = Literal["admitted", "refused", "quarantined", "infra_error"]
_JUDGED = ("green", "red", "timeout", "hack")
_NOT_BUILT = ("format", "apply")


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """How a candidate fared. `reason` says why it wasn't admitted; `task` has its prompt and diagnostics where it was.

    `broken` and `gold` are the verdicts, in the order they were given.
    """

    outcome: Outcome
    task: Task
    reason: str = ""
    broken: tuple[Verdict, ...] = ()
    gold: tuple[Verdict, ...] = ()


async def admit(task: Task, check: Check, runs: int = 2) -> Admission:
    """Judge the broken state and the gold diff `runs` times each, the cheapest refusal first.

    A judge that answers from its cache makes the runs after the first worthless: give one that doesn't.
    """
    broken: list[Verdict] = []
    gold: list[Verdict] = []
    for _ in range(runs):
        for request, verdicts in ((_breaking(task), broken), (_mending(task), gold)):
            try:
                verdicts.append(await check(request))
            except BadChange as error:  # a revision without a build, say
                return Admission(outcome="refused", task=task, reason=str(error))
            refused = _refusal(task, verdicts, is_gold=verdicts is gold)
            if refused is not None:
                return msgspec.structs.replace(refused, broken=tuple(broken), gold=tuple(gold))
    return Admission(outcome="admitted", task=_told(task, broken[0]), broken=tuple(broken), gold=tuple(gold))


def _breaking(task: Task) -> CheckRequest:
    """The breakage judged as a diff of its own: an empty diff over the broken state may be refused for being empty."""
    return CheckRequest(diff=task.onto, workspace=task.workspace, rev=task.rev, upto=task.upto, hidden=task.hidden)


def _mending(task: Task) -> CheckRequest:
    return msgspec.structs.replace(task.request(task.gold), policy="report", reference=None)


def _refusal(task: Task, verdicts: list[Verdict], *, is_gold: bool) -> Admission | None:
    """What the last verdict, after those before it, makes of the candidate; None: go on."""
    what, last = ("gold diff" if is_gold else "broken state"), verdicts[-1]
    said = f"{what} is {_said(last)}"
    if last.status not in _JUDGED:
        return Admission(outcome="infra_error", task=task, reason=said)
    if len(verdicts) > 1 and _said(last) != _said(verdicts[0]):
        return Admission(outcome="quarantined", task=task, reason=f"{said}, {_said(verdicts[0])} before")
    wanted = last.status == ("green" if is_gold else "red")
    if wanted and last.stage not in _NOT_BUILT:
        return None
    return Admission(outcome="refused", task=task, reason=said)


def _said(verdict: Verdict) -> str:
    """In few words, without what may differ between two runs that agree."""
    at = f" at {verdict.stage}" if verdict.stage is not None else ""
    return f"{verdict.status}{at}" + (f" ({verdict.reason})" if verdict.status not in ("green", "red") else "")


def _told(task: Task, broken: Verdict) -> Task:
    errors = tuple(each for each in broken.diagnostics if each.severity == "error")
    said = task.prompts if task.hidden else (*task.prompts, *prompts(task.files, errors, broken.stage))
    chosen = task.prompt or said[int(task.id[:8], 16) % len(said)]
    return msgspec.structs.replace(
        task, diagnostics=errors, prompt=chosen, prompts=said, toolchain=task.toolchain or broken.toolchain
    )
