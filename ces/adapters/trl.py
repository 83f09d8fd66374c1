"""CES as an asynchronous reward function of TRL's trainers.

    from ces.adapters.trl import CesReward
    trainer = GRPOTrainer(model, reward_funcs=CesReward(judging=Judging(ask=Ask(endpoint="http://127.0.0.1:8437"))),
                          train_dataset=tasks, ...)

The data set has `prompt` (TRL's) and either a column `task` (a `ces.tasks` task as JSON, which survives every column
store as it is) or columns named like its fields: `workspace`, `rev`, `onto`, `gold` or `reference`, `hidden`, `upto`.

A sample that can't be judged gets None. TRL 1.16 leaves such a sample out of its group's mean and deviation, and its
advantage is 0; with further reward functions beside this one TRL scores it on those alone. Older TRL added None up as
0: this needs the version that the extra `aid[trl]` names.

Exercised with the real library (TRL 1.16.0, GRPOTrainer on CPU): that the reward function is recognised as
asynchronous, is called with the data set's columns, that rewards, None, extra columns and metrics arrive, pickling.
Not exercised: several ranks, vLLM, other trainers of TRL than GRPO.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ces.adapters import replies
from ces.adapters.judged import NO_EDIT, Judging
from ces.adapters.row import rows
from ces.verdict import Verdict

Completion = str | Sequence[Mapping[str, Any]]


class CesReward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward function. It pickles: what it talks to is made at its first call in each process.

    `task` are the fields that the data set has no column for ({"workspace": ..., "upto": "build"}).
    """

    judging: Judging
    task: dict[str, Any] = {}

    @property
    def __name__(self) -> str:  # what TRL's logs call it
        return "ces"

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Completion],
        completion_ids: Sequence[Sequence[int]] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One reward for each completion, None where there is none to give. Raises CesError for a row that is no task.

        Logs, where TRL offers it: `ces_status`, `ces_stage`, `ces_flags`, `ces_reason`, `ces_tests` (how many ran of
        those expected) beside each completion, and the metrics of `metrics`.
        """
        tasks = rows(columns, len(completions), self.task)
        found = await self.judging.verdicts([replies.text(completion) for completion in completions], tasks)
        _log(found, columns.get("log_extra"), columns.get("log_metric"))
        return [verdict.reward for verdict in found]


def metrics(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Shares of a batch, each from 0 to 1; none of an empty one.

    Of all samples: `ces/unscored`, `ces/cached`. Of the scored ones, and absent where there are none: `ces/hack`,
    `ces/no_edit`, and how many passed each stage that any of them reached.
    """
    if not verdicts:
        return {}
    scored = [verdict for verdict in verdicts if verdict.reward is not None]
    shares = {
        "ces/unscored": 1 - len(scored) / len(verdicts),
        "ces/cached": sum(verdict.cached for verdict in verdicts) / len(verdicts),
    }
    if scored:
        shares["ces/hack"] = sum(verdict.status == "hack" for verdict in scored) / len(scored)
        shares["ces/no_edit"] = sum(verdict.reason == NO_EDIT for verdict in scored) / len(scored)
        for stage in {stage: None for verdict in scored for stage in verdict.components}:
            shares[f"ces/{stage}"] = sum(verdict.components.get(stage, 0.0) for verdict in scored) / len(scored)
    return shares


def _log(
    verdicts: Sequence[Verdict],
    log_extra: Callable[[str, list[Any]], None] | None,
    log_metric: Callable[[str, float], None] | None,
) -> None:
    if log_extra is not None:
        log_extra("ces_status", [verdict.status for verdict in verdicts])
        log_extra("ces_stage", [verdict.stage or "" for verdict in verdicts])
        log_extra("ces_flags", [" ".join(flag.name for flag in verdict.flags) for verdict in verdicts])
        log_extra("ces_reason", [verdict.reason or "" for verdict in verdicts])
        log_extra("ces_tests", [_tests(verdict) for verdict in verdicts])
    if log_metric is not None:
        for name, value in metrics(verdicts).items():
            log_metric(name, value)


def _tests(verdict: Verdict) -> str:
    return "" if verdict.tests_run is None else f"{verdict.tests_run}/{verdict.tests_expected}"
