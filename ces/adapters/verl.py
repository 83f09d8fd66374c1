"""CES as verl's custom reward function.

    reward.custom_reward_function.path=pkg://ces.adapters.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.endpoint=http://127.0.0.1:8437

A row's `reward_model.ground_truth` is a `ces.tasks` task as JSON; or the reference diff, with the task's other fields
in `extra_info`.

verl 0.9 has no way to leave a sample out: a None among the scores drops those of the whole batch, NaN poisons it, and
nothing is masked. So where there is no verdict even after `Ask.patience_s` the function raises, which ends the step
(resume from the checkpoint once CES is back), unless `reward_kwargs.unscorable` names a score that such samples shall
have; they then carry `unscored` = 1 in the logs. verl's "rate_limited" reward manager turns every exception into 0.0:
use "naive" or "dapo".

Exercised with the real library (verl 0.9.1 without its GPU engines, on CPU): the function loaded by verl's own
`RewardLoopWorker` from its configuration, scoring a `DataProto` batch through the naive reward manager, both variants.
Not exercised: a training run, Ray actors.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ces.adapters.asking import TOKEN_ENV, Ask
from ces.adapters.judged import NO_EDIT, Judging
from ces.adapters.replies import UNIFIED
from ces.adapters.row import TASK_COLUMN, Row, row
from ces.builds.adapter import BuildSettings
from ces.builds.stages import ORDER
from ces.errors import CesError, InfraError
from ces.request import Policy
from ces.verdict import Verdict

_OWN = "reward_"  # verl adds arguments of its own: reward_router_address, reward_model_tokenizer


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reward_kwargs`: what `Ask` and `Judging` have, flat, and `unscorable` (None: raise). `command` is the build's,
    for a judge in this process."""

    endpoint: str | None = None
    token_env: str = TOKEN_ENV
    patience_s: float = 1800.0
    state_dir: str | None = None
    command: tuple[str, ...] | None = None
    to_diff: str = UNIFIED
    policy: Policy = "reward"
    timeout_s: float = 120.0
    unscorable: float | None = None

    def judging(self) -> Judging:
        build = None if self.command is None else BuildSettings(command=self.command)
        ask = Ask(
            endpoint=self.endpoint,
            token_env=self.token_env,
            patience_s=self.patience_s,
            state_dir=self.state_dir,
            build=build,
        )
        return Judging(ask=ask, to_diff=self.to_diff, policy=self.policy, timeout_s=self.timeout_s)


async def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, **settings: Any
) -> dict[str, float | str]:
    """`score` and what it is made of; always the same keys, as verl takes those of a batch's first sample for all.

    `acc` is 1 for a green build; each stage 1 where it was passed, else 0; `unscored`, `hack` and `no_edit` 1 where
    they apply; `status` is the verdict's. Raises InfraError or CesError where there is no verdict and no `unscorable`.
    """
    chosen, task = _settings(settings), _task(ground_truth, extra_info or {})
    (verdict,) = await chosen.judging().verdicts([solution_str], [task])
    return _score(verdict, chosen)


def compute_score_sync(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, **settings: Any
) -> dict[str, float | str]:
    """The same for reward managers that call a plain function. verl's reward loop runs it in a pool of threads."""
    chosen, task = _settings(settings), _task(ground_truth, extra_info or {})
    return _score(chosen.judging().verdict_now(solution_str, task), chosen)


def _settings(given: Mapping[str, Any]) -> Settings:
    ours = {name: value for name, value in given.items() if not name.startswith(_OWN)}
    if ours.get("command") is not None:
        ours["command"] = list(ours["command"])  # a list of the configuration's own kind
    try:
        return msgspec.convert(ours, Settings)
    except msgspec.ValidationError as error:
        raise CesError(f"reward_kwargs: {error}") from error


def _task(ground_truth: Any, extra_info: Mapping[str, Any]) -> Row:
    if isinstance(ground_truth, str) and not ground_truth.lstrip().startswith("{"):
        return row({**extra_info, "gold": ground_truth or None})
    return row({**extra_info, TASK_COLUMN: ground_truth})


def _score(verdict: Verdict, settings: Settings) -> dict[str, float | str]:
    reward = settings.unscorable if verdict.reward is None else verdict.reward
    if reward is None:
        kind = InfraError if verdict.status == "infra_error" else CesError
        raise kind(f"a sample has no score and verl can't leave it out: {verdict.reason}")
    return {
        "score": reward,
        "acc": float(verdict.status == "green"),
        "unscored": float(verdict.reward is None),
        "hack": float(verdict.status == "hack"),
        "no_edit": float(verdict.reason == NO_EDIT),
        **{stage: verdict.components.get(stage, 0.0) for stage in ORDER},
        "tests_run": float(verdict.tests_run or 0),
        "tests_expected": float(verdict.tests_expected or 0),
        "status": verdict.status,
    }
