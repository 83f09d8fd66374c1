"""`aid ces tasks` as a person or a script runs it."""

import json
import signal
import subprocess
from typing import Any

import pytest

Machine = Any
BUILD = '[build]\nadapter = "command"\ncommand = ["python3", "tests/run.py"]\n'
SHOP = (
    "import math\n\n\ndef pages(items, size):\n    if not size:\n        return 0\n    return math.ceil(items / size)\n"
)
RUN = "import sys\n\nsys.path.insert(0, '.')\nimport shop\n\nassert shop.pages(7, 3) == 3 and shop.pages(1, 0) == 0\n"


@pytest.fixture
def shop(machine: Machine) -> Machine:
    user = machine.home / "config" / "aid" / "aid.toml"
    user.write_text(user.read_text() + BUILD)
    (machine.root / "tests").mkdir()
    (machine.root / "shop.py").write_text(SHOP)
    (machine.root / "tests" / "run.py").write_text(RUN)
    return machine


def test_a_green_project_becomes_a_task_file_and_what_is_there_stays(shop: Machine) -> None:
    out = shop.root.parent / "tasks.jsonl"
    words = ("ces", "tasks", "mutate", "--seed", "3", "--out", str(out), "--project", "shop")
    first = shop.run(*words, "--n", "3", "--json")
    told = json.loads(first.stdout)
    assert first.returncode == 0 and (told["admitted"], told["already"], told["tasks"]) == (3, 0, 3), first
    assert first.stderr.count("] admitted mutate:") == 3
    before = out.read_text()
    task = json.loads(before.splitlines()[0])
    assert (task["project"], task["files"], task["seed"]) == ("shop", ["shop.py"], 3)
    assert task["prompt"] and task["diagnostics"] and task["onto"].startswith("diff --git a/shop.py b/shop.py\n")
    second = shop.run(*words, "--n", "5")
    assert second.returncode == 0 and second.stdout.startswith(f"2 new tasks, 5 in {out}; ")
    assert out.read_text().startswith(before)
    assert (shop.root / "shop.py").read_text() == SHOP


def test_a_task_is_mended_by_its_gold_diff_through_ces_check(shop: Machine) -> None:
    out = shop.root.parent / "tasks.jsonl"
    done = shop.run("ces", "tasks", "mutate", "--kinds", "return-missing", "--n", "1", "--out", str(out))
    assert done.returncode == 0, done
    task = json.loads(out.read_text())
    assert shop.run("ces", "check", stdin=task["onto"]).returncode == 1
    subprocess.run(["git", "apply"], cwd=shop.root, input=task["onto"], text=True, check=True)
    assert shop.run("ces", "check", stdin=task["gold"]).returncode == 0


def test_history_becomes_tasks(shop: Machine) -> None:
    who = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost"]
    (shop.root / ".git").rmdir()
    subprocess.run(["git", "init", "-q"], cwd=shop.root, check=True)
    for content, subject in ((SHOP.replace("return 0", "return 1"), "first"), (SHOP, "a shop of no size has no pages")):
        (shop.root / "shop.py").write_text(content)
        (shop.root / "tests" / "run.py").write_text(RUN if content == SHOP else RUN.replace("== 0", "== 1"))
        for words in (["add", "-A"], ["commit", "-qm", subject]):
            subprocess.run([*who, *words], cwd=shop.root, check=True)
    out = shop.root.parent / "tasks.jsonl"
    done = shop.run("ces", "tasks", "history", "--n", "1", "--out", str(out))
    assert done.returncode == 0 and "1 new tasks" in done.stdout, done
    task = json.loads(out.read_text())
    assert (task["kind"], task["prompt"], task["files"]) == ("history", "a shop of no size has no pages", ["shop.py"])
    assert len(task["rev"]) == 40


def test_without_a_task_the_exit_status_is_1_and_wrong_usage_2(shop: Machine) -> None:
    out = shop.root.parent / "tasks.jsonl"
    mutate = ("ces", "tasks", "mutate", "--out", str(out))
    none = shop.run(*mutate, "--kinds", "await-missing")
    assert none.returncode == 1 and none.stdout.startswith("0 new tasks, 0 in ")
    unknown = shop.run(*mutate, "--kinds", "nonsense")
    assert unknown.returncode == 2 and "no breakage is called 'nonsense'" in unknown.stderr
    out.write_text("{}\n")
    broken = shop.run(*mutate)
    assert broken.returncode == 2 and "line 1: not a task" in broken.stderr
    out.unlink()
    (shop.root / "shop.py").write_text("def pages(:\n")
    red = shop.run(*mutate)
    assert red.returncode == 1 and "tasks are made of a green project" in red.stderr
    assert shop.run("ces", "tasks", "history", "--since", "nothing", "--out", str(out)).returncode == 2


def test_stopped_by_the_person_it_keeps_what_is_done(shop: Machine) -> None:
    out = shop.root.parent / "tasks.jsonl"
    running = shop.start("ces", "tasks", "mutate", "--n", "50", "--out", str(out))
    seen = 0
    for line in running.stderr:
        seen += "] admitted" in line
        if seen == 2:
            running.send_signal(signal.SIGINT)
            break
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and said.endswith("aid: cancelled\n")
    lines = out.read_text().splitlines()
    assert 2 <= len(lines) < 10
    assert all(json.loads(line)["id"] for line in lines)
