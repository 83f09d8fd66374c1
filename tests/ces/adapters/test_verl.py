"""verl's reward function: called as verl documents it, and by verl's own reward loop."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ces.adapters.judged import Judging
from ces.adapters.row import Row
from ces.adapters.verl import compute_score, compute_score_sync
from ces.errors import CesError, InfraError

STAGES = ("format", "apply", "parse", "typecheck", "build", "test")


@pytest.fixture
def settings(judging: Judging) -> dict[str, Any]:
    return {"state_dir": judging.ask.state_dir, "command": ["sh", "check.sh"], "to_diff": judging.to_diff}


def as_json(task: Row) -> str:
    return msgspec.json.encode(task).decode()


async def test_a_score_comes_with_its_parts(settings: dict[str, Any], task: Row) -> None:
    green = await compute_score("ces", "mend it", as_json(task), {"num_turns": None}, **settings)
    assert green == {
        "score": 1.0, "acc": 1.0, "unscored": 0.0, "hack": 0.0, "no_edit": 0.0, "status": "green",
        **dict.fromkeys(STAGES, 1.0), "tests_run": 0.0, "tests_expected": 0.0,
    }  # fmt: skip
    red = await compute_score("ces", "worsen it", as_json(task), None, reward_router_address=None, **settings)
    assert (red["score"], red["build"], red["apply"], list(red)) == (0.0, 0.0, 1.0, list(green))
    talk = await compute_score("ces", "talk", as_json(task), None, **settings)
    assert (talk["score"], talk["no_edit"], list(talk)) == (-1.0, 1.0, list(green))


def test_the_task_may_be_in_the_extra_info(settings: dict[str, Any], task: Row) -> None:
    extra = {"workspace": task.workspace, "onto": task.onto, "index": 7, "rev": None}
    assert compute_score_sync("ces", "mend it", task.gold, extra, **settings)["score"] == 1.0


async def test_what_cannot_be_scored_is_no_silent_zero(settings: dict[str, Any], task: Row, lost: Row) -> None:
    with pytest.raises(CesError, match=r"verl can't leave it out: .* is no directory"):
        await compute_score("ces", "mend it", as_json(lost), None, **settings)
    nobody = {"endpoint": "http://127.0.0.1:1", "patience_s": 0.1, "to_diff": settings["to_diff"]}
    with pytest.raises(InfraError, match="verl can't leave it out"):
        await compute_score("ces", "mend it", as_json(task), None, **nobody)
    chosen = await compute_score("ces", "mend it", as_json(task), None, unscorable=-0.5, **nobody)
    assert (chosen["score"], chosen["unscored"], chosen["status"]) == (-0.5, 1.0, "infra_error")


def test_a_misspelt_setting_is_named() -> None:
    with pytest.raises(CesError, match=r"reward_kwargs: .*to_dif"):
        compute_score_sync("ces", "mend it", "{}", None, to_dif="x:y")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["compute_score", "compute_score_sync"])
def test_verl_scores_a_batch_with_it(name: str, settings: dict[str, Any], task: Row, tmp_path: Path) -> None:
    pytest.importorskip("verl", reason="needs verl (make test-trainers)")
    import numpy
    import torch
    from omegaconf import OmegaConf
    from verl import DataProto
    from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

    tokenizer = words("mend", "worsen", "talk", "it")
    tokenizer.save_pretrained(tmp_path / "model")
    config = OmegaConf.create(
        {
            "actor_rollout_ref": {"model": {"tokenizer_path": str(tmp_path / "model"), "path": None}},
            "reward": {
                "custom_reward_function": {"path": "pkg://ces.adapters.verl", "name": name, "reward_kwargs": settings},
                "reward_manager": {"source": "register", "name": "naive"},
                "reward_model": {"enable": False},
            },
        }
    )
    replies = ["mend it", "worsen it", "talk it"]
    ids = torch.tensor([tokenizer.encode(reply) for reply in replies])
    prompts = torch.zeros_like(ids)
    batch = DataProto.from_dict(
        tensors={"prompts": prompts, "responses": ids, "attention_mask": torch.ones(3, 4, dtype=torch.long)},
        non_tensors={
            "data_source": numpy.array(["ces"] * 3, dtype=object),
            "reward_model": numpy.array([{"ground_truth": as_json(task)}] * 3, dtype=object),
            "extra_info": numpy.array([{} for _ in replies], dtype=object),
        },
    )

    async def score() -> list[dict[str, Any]]:
        return await RewardLoopWorker(config).compute_score_batch(batch)

    scored = asyncio.run(score())
    assert [item["reward_score"] for item in scored] == [1.0, 0.0, -1.0]
    assert [item["reward_extra_info"]["acc"] for item in scored] == [1.0, 0.0, 0.0]
    assert len({tuple(item["reward_extra_info"]) for item in scored}) == 1


def words(*vocabulary: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    model = models.WordLevel({word: index for index, word in enumerate(("<eos>", *vocabulary))}, unk_token="<eos>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>")
