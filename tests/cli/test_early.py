"""The daemon on an OCaml workspace: proposals that don't type-check are known early, and nothing outlives it."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

Machine = Any

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap for overlay views"),
]
TRIES = 20


def checkers(home: Path) -> list[psutil.Process]:
    """The processes that give early words for a workspace of this machine."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(home) and "serve" in process.cmdline():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def reply(match: str, text: str) -> dict[str, object]:
    block = f"lib/a.ml\n<<<<<<< SEARCH\nlet one = 1\n=======\n{text}\n>>>>>>> REPLACE\n"
    return {"match": match, "marker": r"#(\d+)", "times": 1000, "reply": block}


def ask(machine: Machine, prompt: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(machine.run("ask", prompt, "--json").stdout)
    return answer


def early(machine: Machine) -> dict[str, int]:
    [workspace] = json.loads(machine.run("status", "--json").stdout)["workspaces"]
    counts: dict[str, int] = workspace.get("early") or {}
    return counts


@pytest.fixture
def ocaml(machine: Machine) -> Machine:
    for path, text in {
        "dune-project": "(lang dune 2.9)\n",
        "lib/dune": "(library (name lib))\n",
        "lib/a.ml": "let one = 1\n",
        "lib/b.ml": "let two = A.one + 1\n",
    }.items():
        (machine.root / path).parent.mkdir(exist_ok=True)
        (machine.root / path).write_text(text)
    machine.replies(reply("wrong", "let one = {marker} + true"), reply("right", "let one = {marker}"))
    return machine


def test_proposals_are_known_early_to_be_red_and_the_build_bears_it_out(ocaml: Machine) -> None:
    for number in range(TRIES):
        assert ask(ocaml, f"wrong #{number}")["verdict"]["status"] == "red"
        if early(ocaml).get("red"):
            break
    counts = early(ocaml)
    assert counts["red"] == counts["compared"] and counts["false_reds"] == counts["false_greens"] == 0, counts
    assert "early words: " in ocaml.run("status").stdout
    assert "wrong" in ocaml.run("doctor").stdout
    assert ask(ocaml, "right #2")["verdict"]["status"] == "green"
    running = checkers(ocaml.home)
    assert running
    assert ocaml.run("stop").returncode == 0
    assert not checkers(ocaml.home)


def test_a_killed_daemon_leaves_no_checker_and_the_next_clears_up(ocaml: Machine) -> None:
    for number in range(TRIES):
        ask(ocaml, f"wrong #{number}")
        if checkers(ocaml.home):
            break
    running = checkers(ocaml.home)
    assert running
    os.kill(json.loads(ocaml.run("status", "--json").stdout)["pid"], signal.SIGKILL)
    psutil.wait_procs(running)
    [left] = ocaml.home.glob("state/aid/**/builds/early/*")
    ask(ocaml, "right #3")
    ocaml.run("stop")
    assert not left.exists()
