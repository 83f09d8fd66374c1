"""`aid evaluate` as a person runs it: real builds, recorded replies, the report and the gate."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ces.tasks.task import Task, identified

AID = Path(sys.executable).parent / "aid"
GOOD = "value.txt\n<<<<<<< SEARCH\nbroken\n=======\ngood\n>>>>>>> REPLACE\n"
BAD = GOOD.replace("good", "worse")
MISFIT = GOOD.replace("broken", "nowhere")
BREAK = "--- a/value.txt\n+++ b/value.txt\n@@ -1,2 +1,2 @@\n-good\n+broken\n number {}\n"
MEND = "--- a/value.txt\n+++ b/value.txt\n@@ -1,2 +1,2 @@\n-broken\n+good\n number {}\n"
CHECK = "grep -q '^good' value.txt || { echo 'value.txt:1:1: error: it is not good'; exit 1; }\n"


class Trial:
    """Projects of one file, a model of recorded replies for each name."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = os.environ | {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE")}
        self.env["XDG_RUNTIME_DIR"] = str(home)

    def models(self, **replies: list[str]) -> None:
        """Each model's replies, by the number of the project they are for."""
        config = ['[build]\nadapter = "command"\ncommand = ["sh", "check.sh"]\n']
        for name, texts in replies.items():
            lines = [{"match": f"number {number}", "reply": text} for number, text in enumerate(texts)]
            (self.home / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            config.append(f'[models.{name}]\nbackend = "replay"\npath = "{self.home}/{name}.jsonl"\n')
        folder = self.home / "config" / "aid"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "aid.toml").write_text(f'default_model = "{next(iter(replies))}"\n' + "".join(config))

    def tasks(self, count: int) -> Path:
        tasks = []
        for number in range(count):
            root = self.home / f"project{number}"
            root.mkdir()
            (root / "value.txt").write_text(f"good\nnumber {number}\n")
            (root / "check.sh").write_text(CHECK)
            task = Task(
                project=root.name, workspace=str(root), kind="mutate:word", onto=BREAK.format(number),
                gold=MEND.format(number), prompt="fix the build", files=("value.txt",), upto="build",
            )  # fmt: skip
            tasks.append(identified(task))
        file = self.home / "tasks.jsonl"
        file.write_bytes(b"".join(msgspec.json.encode(task) + b"\n" for task in tasks))
        return file

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [AID, "evaluate", "--report", "out", "--no-rules", *words]
        return subprocess.run(argv, cwd=self.home, env=self.env, capture_output=True, text=True, check=False)

    def report(self) -> dict[str, object]:
        told: dict[str, object] = json.loads((self.home / "out" / "report.json").read_bytes())
        return told


@pytest.fixture
def trial() -> Iterator[Trial]:
    home = Path(tempfile.mkdtemp(prefix="eval", dir="/tmp"))
    yield Trial(home)
    shutil.rmtree(home)


def test_rates_come_from_real_verdicts_and_the_report_says_how_each_failed(trial: Trial) -> None:
    trial.models(m=[GOOD, BAD, MISFIT, "I see no error."])
    done = trial.run("--tasks", str(trial.tasks(4)), "--model", "m", "-n", "1", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    model = told["models"][0]
    passed = {stage: rates["1"]["value"] for stage, rates in model["stages"].items()}
    assert passed == {
        "format": 0.75,
        "apply": 0.5,
        "parse": 0.5,
        "typecheck": 0.5,
        "build": 0.25,
        "test": 0.0,
        "green": 0.25,
    }
    assert model["projects"][0]["passes"] == {"1": {"value": 1.0, "low": 0.2065493117918027, "high": 1.0, "tasks": 1}}
    assert model["outcomes"] == {"green": 1, "red at build": 1, "rejected": 1, "no-edit": 1}
    page = (trial.home / "out" / "index.html").read_text()
    assert model["completion_tokens_p50"] is None and "<td>–</td></tr>" in page  # recorded replies have none counted
    assert "Evaluation of m" in page and "red at build" in page and "<script" not in page


def test_a_run_goes_on_where_it_was(trial: Trial) -> None:
    tasks = trial.tasks(2)
    trial.models(m=[GOOD, GOOD])
    assert trial.run("--tasks", str(tasks), "-n", "1").returncode == 0
    samples = trial.home / "out" / "samples.jsonl"
    first = samples.read_bytes()
    samples.write_bytes(first[: len(first.splitlines(keepends=True)[0]) + 20])  # killed while it wrote the second
    assert trial.run("--tasks", str(tasks), "-n", "1").returncode == 0
    again = samples.read_bytes().splitlines()
    assert len(again) == 2 and again[0] == first.splitlines()[0]
    third = trial.run("--tasks", str(tasks), "-n", "1")  # nothing is missing, and what was green still is
    assert third.stderr.splitlines() == ["1 of 2 samples, 1 green", "2 of 2 samples, 2 green"]
    other = trial.run("--tasks", str(trial.home / "tasks.jsonl"), "-n", "1", "--model", "hints")
    assert other.returncode == 2 and "holds the samples of other models or tasks" in other.stderr
    samples.write_bytes(samples.read_bytes()[:-1])  # killed before it ended the line
    for _ in range(2):
        assert trial.run("--tasks", str(tasks), "-n", "1").returncode == 0
    trial.models(m=[GOOD, BAD])
    anew = trial.run("--tasks", str(tasks), "-n", "1")
    assert anew.returncode == 2 and "holds the samples of other models or tasks" in anew.stderr, "another model by now"


def test_a_model_to_compare_with_joins_a_run_and_leaves_it(trial: Trial) -> None:
    words = ["--tasks", str(trial.tasks(1)), "-n", "1", "--model", "new"]
    trial.models(new=[GOOD], now=[BAD])
    assert trial.run(*words).returncode == 0
    for more in (["--compare", "now"], [], ["--compare", "now"]):
        done = trial.run(*words, *more)
        assert done.returncode == 0, done.stderr
    assert len((trial.home / "out" / "samples.jsonl").read_bytes().splitlines()) == 2
    trial.models(new=[GOOD], now=[MISFIT])
    for more in (["--compare", "now"], ["--compare", "hints"]):
        done = trial.run(*words, *more)
        assert done.returncode == 2 and "holds the samples of other models or tasks" in done.stderr
    assert trial.run(*words).returncode == 0


def test_two_runs_are_not_at_work_in_one_folder(trial: Trial) -> None:
    trial.models(m=[GOOD])
    tasks = str(trial.tasks(1))
    assert trial.run("--tasks", tasks, "-n", "1").returncode == 0
    with (trial.home / "out" / "samples.jsonl").open() as samples:
        fcntl.flock(samples, fcntl.LOCK_EX)
        second = trial.run("--tasks", tasks, "-n", "2")
    assert second.returncode == 2 and "another run is at work in" in second.stderr


def test_no_build_sees_the_tasks_or_what_was_sampled_before(trial: Trial) -> None:
    kept = Path(tempfile.mkdtemp(prefix=".ces-test-", dir=Path.home()))  # in /tmp a build sees its own files only
    try:
        tasks = kept / "tasks.jsonl"
        trial.tasks(1).rename(tasks)
        (kept / "report.json").write_text("answers\n")
        told = f"if cat {kept}/tasks.jsonl {kept}/report.json 2>/dev/null | grep .; then exit 0; fi\n"
        (trial.home / "project0" / "check.sh").write_text(told + CHECK)
        trial.models(m=[BAD])
        done = trial.run("--tasks", str(tasks), "--report", str(kept), "-n", "1", "--json")
        assert json.loads(done.stdout)["models"][0]["outcomes"] == {"red at build": 1}
    finally:
        shutil.rmtree(kept)


def test_the_gate_shuts_for_a_model_that_does_worse(trial: Trial) -> None:
    tasks = str(trial.tasks(8))
    trial.models(new=[BAD] * 8, now=[GOOD] * 8)
    done = trial.run("--tasks", tasks, "--model", "new", "--compare", "now", "-n", "1", "--gate")
    assert done.returncode == 1
    assert "new is not to be promoted: it passes 100.0% less often than the present model" in done.stderr
    shutil.rmtree(trial.home / "out")
    done = trial.run("--tasks", tasks, "--model", "now", "--compare", "new", "-n", "1", "--gate")
    assert (done.returncode, "against new: +100.0%" in done.stdout) == (0, True), done.stderr


def test_the_gate_shuts_for_a_fall_on_too_few_tasks_to_tell(trial: Trial) -> None:
    trial.models(new=[BAD] * 3, now=[GOOD] * 3)
    done = trial.run("--tasks", str(trial.tasks(3)), "--model", "new", "--compare", "now", "-n", "2", "--gate")
    assert done.returncode == 1 and "too few tasks differ to tell it from chance" in done.stderr


def test_a_model_that_promises_is_not_promoted(trial: Trial) -> None:
    trial.models(m=["I'll do it tomorrow."] * 8)
    done = trial.run("--tasks", str(trial.tasks(8)), "-n", "1", "--gate")
    assert done.returncode == 1 and "refuse or promise" in done.stderr


def test_bad_input_is_one_line_and_exit_2(trial: Trial) -> None:
    trial.models(m=[GOOD])
    tasks = trial.tasks(1)
    empty = trial.home / "empty.jsonl"
    empty.write_text("\n")
    mine = ["--tasks", str(tasks)]
    for words in (
        ["--tasks", "none"], ["--tasks", str(empty)], [*mine, "--model", "no"], [*mine, "--report", "/proc/none"],
        [*mine, "--compare", "m"], [*mine, "--model", "hints", "--gate"],
    ):  # fmt: skip
        done = trial.run(*words)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    shutil.rmtree(trial.home / "project0")
    done = trial.run("--tasks", str(tasks))
    assert done.returncode == 2 and "is no directory" in done.stderr
