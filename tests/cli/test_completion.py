"""What the shell is offered, asked for as bash does it."""

import json
import os
from typing import Any

import pytest

Machine = Any
SEVEN = "calc.txt\n<<<<<<< SEARCH\nline 7\n=======\nline seven\n>>>>>>> REPLACE\n"


def offered(machine: Machine, *words: str) -> list[str]:
    """The lines printed for the last of `words`."""
    asked = {
        "_AID_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("aid", *words)),
        "COMP_CWORD": str(len(words)),
    }
    before = machine.env
    machine.env = before | asked
    try:
        done = machine.run()
    finally:
        machine.env = before
    assert done.stderr == ""
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("words", [("ask", "--model"), ("models", "use"), ("stats", "--model")])
def test_names_of_models_come_from_the_files_without_a_daemon(machine: Machine, words: tuple[str, ...]) -> None:
    assert offered(machine, *words, "") == ["hints", "replay", "smollm2"]
    assert offered(machine, *words, "re") == ["replay"]
    assert not (machine.home / "aid" / "aid.sock").exists()
    (machine.root / "aid.toml").write_text("models = ")
    assert offered(machine, *words, "re") == []


def test_ids_are_those_that_fit_the_command(machine: Machine) -> None:
    machine.replies({"match": "", "reply": SEVEN})
    shown = json.loads(machine.run("ask", "change line 7", "--json").stdout)["id"]
    applied = json.loads(machine.run("ask", "change line 7", "--apply", "--json").stdout)["applied"]
    assert applied
    (change,) = json.loads(machine.run("log", "--json").stdout)["entries"]
    machine.run("stop")
    for command in ("accept", "reject"):
        assert offered(machine, command, "p") == [shown]
    assert offered(machine, "undo", "") == [change["id"]]
    assert offered(machine, "redo", "") == []
    assert machine.run("undo").returncode == 0
    assert offered(machine, "undo", "") == []
    assert offered(machine, "redo", "") == [change["id"]]
    assert offered(machine, "redo", "nothing") == []
    elsewhere = machine.home / "elsewhere"
    elsewhere.mkdir()
    assert offered(machine, "redo", "--root", os.fspath(elsewhere), "") == []
