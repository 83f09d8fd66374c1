"""Exported tasks judged as Harbor judges them: their own scripts in a box, then Harbor's own trial runner."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ces.adapters.harbor import Export, export
from ces.adapters.harbor_script import test_script as judging
from ces.adapters.row import Row
from ces.builds.adapter import BuildSettings, Step
from ces.errors import CesError
from ces.tasks.task import Task, identified, write

from .box import Box

MakeWorkspace = Callable[[str], Path]
TREE = """-- tests/check.sh --
grep -q good value
-- value --
good
-- out/old --
built
"""
BREAKS = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+bad\n"
GOLD = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-bad\n+good\n--- /dev/null\n+++ b/more/it's new\n@@ -0,0 +1 @@\n+x\n"
needs_box = pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap")
needs_git = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


@pytest.fixture
def broken(workspace: MakeWorkspace) -> Row:
    return Row(
        id="abc1", project="my project", kind="mutate:x", workspace=str(workspace(TREE)), onto=BREAKS, gold=GOLD,
        prompt='fix the "build"', upto="build", hidden={"tests/hidden.sh": "exit 0\n"},
    )  # fmt: skip


def settings(*command: str, **fields: Any) -> Export:
    return Export(image="debian:12", build=BuildSettings(command=command or ("sh", "tests/check.sh")), **fields)


class Trial:
    """One exported task in a box, and what an agent may have done there."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.box = Box(root, folder / "environment" / "workspace")

    def agent(self, command: str) -> None:
        assert self.box.run(command).returncode == 0

    def solve(self) -> None:
        shutil.copytree(self.folder / "solution", self.box.path("/solution"), dirs_exist_ok=True)
        self.agent("/solution/solve.sh")

    def reward(self) -> dict[str, float] | None:
        shutil.copytree(self.folder / "tests", self.box.path("/tests"), dirs_exist_ok=True)
        self.box.run("/tests/test.sh")
        file = self.box.path("/logs/verifier/reward.json")
        return json.loads(file.read_text()) if file.exists() else None


@pytest.fixture
async def trial(broken: Row, tmp_path: Path) -> Trial:
    return Trial(await export(broken, tmp_path / "tasks", settings()), tmp_path / "box")


async def test_a_task_is_a_directory(broken: Row, tmp_path: Path) -> None:
    target = tmp_path / "tasks"
    folder = await export(broken, target, settings(setup=("apt-get update",), prepare=("make deps",)))
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "environment/Dockerfile", "environment/workspace/out/old", "environment/workspace/tests/check.sh",
        "environment/workspace/value", "instruction.md", "solution/files/more/it's new", "solution/files/value",
        "solution/solve.sh", "task.toml", "tests/files/tests/check.sh", "tests/files/tests/hidden.sh", "tests/test.sh",
    ]  # fmt: skip
    assert (folder / "environment/workspace/value").read_text() == "bad\n"
    assert (folder / "environment/Dockerfile").read_text() == (
        "FROM debian:12\nRUN apt-get update\nWORKDIR /workspace\nCOPY workspace/ /workspace/\nRUN make deps\n"
    )
    said = tomllib.loads((folder / "task.toml").read_text())
    assert (said["task"]["name"], said["task"]["description"]) == ("ces/my-project-abc1", 'fix the "build"')
    assert "sh tests/check.sh" in (folder / "instruction.md").read_text()
    assert await export(broken, target, settings()) == folder  # in place of the first
    assert [path.name for path in target.iterdir()] == ["abc1"]


@needs_box
def test_the_broken_state_is_red(trial: Trial) -> None:
    assert trial.reward() == {"reward": 0, "build": 0}


@needs_box
def test_the_solution_is_green(trial: Trial) -> None:
    trial.solve()
    assert trial.reward() == {"reward": 1, "build": 1}
    assert trial.box.path("/workspace/more/it's new").read_text() == "x\n"


@needs_box
@pytest.mark.parametrize(
    "trick",
    [
        "echo exit 0 > tests/check.sh",
        "rm tests/check.sh; mkdir tests/check.sh",
        "mkdir mine; echo exit 0 > mine/check.sh; rm -r tests; ln -s mine tests",
        "rm -r tests; echo x > tests",
    ],
)
def test_tests_are_put_back(trial: Trial, trick: str) -> None:
    trial.agent(trick)
    assert trial.reward() == {"reward": 0, "build": 0}
    assert not trial.box.path("/workspace/tests").is_symlink()


@needs_box
async def test_what_the_machine_cannot_run_has_no_reward(broken: Row, tmp_path: Path) -> None:
    folder = await export(broken, tmp_path / "tasks", settings("no-such-program"))
    trial = Trial(folder, tmp_path / "box")
    trial.solve()
    assert trial.reward() is None


@needs_box
async def test_a_build_out_of_time_is_red(broken: Row, tmp_path: Path) -> None:
    folder = await export(broken, tmp_path / "tasks", settings("sleep", "600", step_timeout_s=1))
    assert Trial(folder, tmp_path / "box").reward() == {"reward": 0, "build": 0}


def commit(root: Path) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)


@needs_box
@needs_git
async def test_a_revision_is_exported(broken: Row, tmp_path: Path) -> None:
    root = Path(broken.workspace)
    commit(root)
    (root / "value").write_text("changed since\n")
    at_head = msgspec.structs.replace(broken, rev="HEAD")
    trial = Trial(await export(at_head, tmp_path / "tasks", settings()), tmp_path / "box")
    trial.solve()
    assert trial.reward() == {"reward": 1, "build": 1}


@needs_git
async def test_a_revision_is_exported_with_the_build_it_had(broken: Row, tmp_path: Path) -> None:
    root = Path(broken.workspace)
    (root / "pyproject.toml").touch()
    commit(root)
    (root / "pyproject.toml").unlink()
    at_head = msgspec.structs.replace(broken, rev="HEAD", upto="test")
    folder = await export(at_head, tmp_path / "tasks", Export(image="debian:12"))
    assert "pytest" in (folder / "tests" / "test.sh").read_text()
    with pytest.raises(CesError, match=f"no build was recognised in {root}$"):
        await export(broken, tmp_path / "tasks", Export(image="debian:12"))


def test_a_task_file_is_exported_by_command(workspace: MakeWorkspace, tmp_path: Path) -> None:
    root = workspace("-- pyproject.toml --\n-- src/m.py --\nx = 1\n-- tests/test_m.py --\ndef test_m(): pass\n")
    breaks = "--- a/src/m.py\n+++ b/src/m.py\n@@ -1 +1 @@\n-x = 1\n+x = (1\n"
    mends = "--- a/src/m.py\n+++ b/src/m.py\n@@ -1 +1 @@\n-x = (1\n+x = 1\n"
    task = identified(
        Task(project="p", workspace=str(root), kind="mutate:x", onto=breaks, gold=mends, files=("src/m.py",))
    )
    write(tmp_path / "tasks.jsonl", [task])
    argv = [
        sys.executable,
        "-m",
        "ces.adapters.harbor",
        tmp_path / "tasks.jsonl",
        tmp_path / "out",
        "--image",
        "python:3",
    ]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{tmp_path / 'out' / task.id}\n"
    script = (tmp_path / "out" / task.id / "tests" / "test.sh").read_text()
    assert "step parse '0' python3 -I -c" in script and "reporting test '0 5' python3 -c" in script
    assert sys.prefix not in script
    assert (
        "    compile every file\n    python3 -m pytest" in (tmp_path / "out" / task.id / "instruction.md").read_text()
    )


@needs_box
def test_a_test_step_that_was_ended_early_is_no_success(tmp_path: Path) -> None:
    tells = 'read -r word <"$CES_REPORT"; rm "$CES_REPORT"; . ./code; printf "%s\\n{}" "$word" >"$CES_REPORT"'
    script = judging([Step(stage="test", argv=("sh", "-c", tells), report=True)], (), (), 60)
    (tmp_path / "workspace").mkdir()
    box = Box(tmp_path / "box", tmp_path / "workspace")
    rewards = []
    for code in ("true", "exit 0", "rm -f $CES_REPORT; mkdir $CES_REPORT; exit 0", "echo {} >$CES_REPORT; exit 0"):
        box.path("/workspace/code").write_text(code)
        assert box.run(script).returncode == 0
        rewards.append(json.loads(box.path("/logs/verifier/reward.json").read_text())["reward"])
    assert rewards == [1, 0, 0, 0]


async def test_a_task_that_does_not_fit_is_refused(broken: Row, tmp_path: Path) -> None:
    for changed, reason in (
        ({"onto": broken.gold}, "`onto` doesn't fit"),
        ({"gold": BREAKS}, "`gold` doesn't fit"),
        ({"gold": None}, "needs an id and a reference solution"),
        ({"id": "../x"}, "needs an id and a reference solution"),
    ):
        with pytest.raises(CesError, match=reason):
            await export(msgspec.structs.replace(broken, **changed), tmp_path / "tasks", settings())
    assert not (tmp_path / "tasks").exists() or not list((tmp_path / "tasks").iterdir())


@needs_box
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("agent", "reward"), [("oracle", 1.0), ("nop", 0.0)])
async def test_harbor_runs_it(
    agent: str, reward: float, broken: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("harbor", reason="needs Harbor and Python 3.12: pip install 'aid[harbor]' (make test-trainers)")
    from harbor.models.task.task import Task
    from harbor.models.trial.config import AgentConfig, EnvironmentConfig, TaskConfig, TrialConfig
    from harbor.trial.trial import Trial as HarborTrial

    monkeypatch.syspath_prepend(Path(__file__).parent)
    folder = await export(broken, tmp_path / "tasks", settings())
    assert Task.is_valid_dir(folder)
    config = TrialConfig(
        task=TaskConfig(path=folder),
        trials_dir=tmp_path / "trials",
        agent=AgentConfig(name=agent),
        environment=EnvironmentConfig(import_path="box_environment:BoxEnvironment"),
    )
    result = await (await HarborTrial.create(config)).run()
    assert result.exception_info is None
    assert result.verifier_result is not None
    assert result.verifier_result.rewards == {"reward": reward, "build": reward}
