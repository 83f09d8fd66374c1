"""The reward function on real builds, and TRL's own GRPOTrainer with it: real steps of a tiny model on a CPU."""

import asyncio
import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ces.adapters.asking import Ask
from ces.adapters.judged import Judging
from ces.adapters.row import Row
from ces.adapters.trl import CesReward, metrics
from ces.verdict import Verdict

REWARDS = {"mend": 1.0, "worsen": 0.0}
NO_EDIT = -1.0
WORDS = ("mend", "worsen", "talk", "fix", "the", "build", "please")


def as_json(task: Row) -> str:
    return msgspec.json.encode(task).decode()


async def test_rewards_are_the_verdicts(judging: Judging, task: Row, lost: Row) -> None:
    said: dict[str, Any] = {}
    rewards = await CesReward(judging=judging)(
        prompts=["fix"] * 4,
        completions=["mend it", "worsen it", "talk about it", "mend it"],
        task=[as_json(task)] * 3 + [as_json(lost)],
        log_extra=said.__setitem__,
        log_metric=said.__setitem__,
    )
    assert rewards == [1.0, 0.0, -1.0, None]
    assert said["ces_status"] == ["green", "red", "red", "unchecked"]
    assert said["ces_stage"] == ["build", "build", "format", ""]
    assert said["ces/unscored"] == 0.25
    assert said["ces/no_edit"] == pytest.approx(1 / 3)
    assert said["ces/build"] == pytest.approx(1 / 3)


async def test_chat_and_columns_are_read(judging: Judging, task: Row) -> None:
    reward = CesReward(judging=judging, task={"workspace": task.workspace})
    chat = [[{"role": "assistant", "content": text}] for text in ("mend it", "worsen it")]
    columns = {"onto": [task.onto] * 2, "reference": [task.gold] * 2, "rev": [None] * 2, "hidden": [{"x": None}] * 2}
    assert await reward(prompts=[[], []], completions=chat, **columns) == [1.0, 0.0]


async def test_a_reply_without_an_edit_needs_no_judge(task: Row) -> None:
    nobody = Judging(ask=Ask(endpoint="http://127.0.0.1:1", patience_s=0.1))
    rewards = await CesReward(judging=nobody)(
        prompts=["fix"] * 2, completions=["I will do it tomorrow.", task.gold], task=[as_json(task)] * 2
    )
    assert rewards == [-1.0, None]


def test_shares_are_of_the_scored_samples() -> None:
    green = Verdict(status="green", stage="build", reward=1.0, components={"format": 1.0, "build": 1.0})
    hack = Verdict(status="hack", stage="build", reward=0.0, components={"format": 1.0})
    none = Verdict(status="infra_error", stage=None)
    assert metrics([green, hack, none, none]) == {
        "ces/unscored": 0.5, "ces/cached": 0.0, "ces/hack": 0.5, "ces/no_edit": 0.0, "ces/format": 1.0,
        "ces/build": 0.5,
    }  # fmt: skip
    assert metrics([none]) == {"ces/unscored": 1.0, "ces/cached": 0.0}


async def test_an_empty_batch_has_no_rewards() -> None:
    said: dict[str, Any] = {}
    judging = Judging(ask=Ask(endpoint="http://127.0.0.1:1", patience_s=0.1))
    reward = CesReward(judging=judging)
    assert await reward(prompts=[], completions=[], log_extra=said.__setitem__, log_metric=said.__setitem__) == []
    assert not any(said.values())


def test_the_function_works_in_another_process(judging: Judging, task: Row, tmp_path: Path) -> None:
    reward = CesReward(judging=judging)
    assert asyncio.run(reward(["fix"], ["mend"], task=[as_json(task)])) == [1.0]  # in use, with a thread and a judge
    script = (
        "import asyncio, json, pickle, sys\n"
        "reward = pickle.load(sys.stdin.buffer)\n"
        "print(json.dumps(asyncio.run(reward(['fix'], ['worsen'], task=sys.argv[1:]))))\n"
    )
    ask = msgspec.structs.replace(judging.ask, state_dir=str(tmp_path / "state"))
    elsewhere = msgspec.structs.replace(reward, judging=msgspec.structs.replace(judging, ask=ask))
    ran = subprocess.run(
        [sys.executable, "-c", script, as_json(task)],
        input=pickle.dumps(elsewhere),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(tmp_path)])},
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert json.loads(ran.stdout) == [0.0]


def tiny_model() -> Any:
    """Two layers that say words of a vocabulary of ten at random, and their tokenizer: nothing is downloaded."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(("<pad>", "<eos>", "<unk>", *WORDS))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    return LlamaForCausalLM(config), tokenizer


@pytest.mark.filterwarnings("default")
def test_grpo_learns_from_it(judging: Judging, task: Row, lost: Row, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="needs TRL: pip install 'aid[trl]' (make test-trainers)")
    import pandas
    import torch
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    torch.manual_seed(0)
    model, tokenizer = tiny_model()
    before = {name: value.clone() for name, value in model.named_parameters()}
    settings = GRPOConfig(
        output_dir=str(tmp_path / "run"), use_cpu=True, bf16=False, max_steps=2, logging_steps=1, save_strategy="no",
        per_device_train_batch_size=16, num_generations=8, max_completion_length=2, learning_rate=1e-2, seed=1,
        report_to=[], log_completions=True, disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=CesReward(judging=judging),
        args=settings,
        train_dataset=Dataset.from_list(
            [{"prompt": f"{word} the build", "task": as_json(each)} for each, word in ((task, "fix"), (lost, "please"))]
        ),
        processing_class=tokenizer,
    )
    trainer.train()

    tables = sorted((tmp_path / "run").rglob("completions_*.parquet"))
    assert len(tables) == 2
    said = pandas.concat([pandas.read_parquet(table) for table in tables])
    assert len(said) == 32
    for _, line in said.iterrows():
        expected = REWARDS.get(line["completion"].split(" ")[0], NO_EDIT)
        if line["prompt"].startswith("please") and expected != NO_EDIT:
            assert (math.isnan(line["ces"]), line["advantage"], line["ces_status"]) == (True, 0.0, "unchecked")
        else:
            assert line["ces"] == expected
    unscored = said["ces"].isna()
    assert unscored.any() and {1.0, 0.0, -1.0} <= set(said["ces"])
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert sum(entry["ces/unscored"] for entry in logged) / 2 == pytest.approx(unscored.mean())
    means = [pandas.read_parquet(table)["ces"].mean() for table in tables]  # NaN left out
    assert [entry["rewards/ces/mean"] for entry in logged] == pytest.approx(means)
    assert any(not torch.equal(before[name], value) for name, value in model.named_parameters())
