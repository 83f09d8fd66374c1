"""`aid undo` and `aid redo` of what a proposal brought: it knows, and so do the measurements, daemon or none."""

import json
from typing import Any

import pytest

Machine = Any

TWO = """calc.txt
<<<<<<< SEARCH
line 3
=======
line three
>>>>>>> REPLACE
<<<<<<< SEARCH
line 17
=======
line seventeen
>>>>>>> REPLACE
"""


def hunks(machine: Machine) -> dict[str, int]:
    told: dict[str, int] = json.loads(machine.run("stats", "--json").stdout)["hunks"]
    return told


@pytest.mark.parametrize("daemon", ["runs", "is stopped"])
def test_a_proposal_taken_back_is_open_again_and_one_done_again_accepted(machine: Machine, daemon: str) -> None:
    machine.replies({"match": "", "reply": TWO})
    asked = json.loads(machine.run("ask", "change lines 3 and 17", "--json").stdout)
    proposal = asked["id"]
    first = json.loads(machine.run("accept", proposal, "--hunk", "calc.txt:0", "--json").stdout)["applied"]
    machine.run("accept", proposal)
    assert hunks(machine) == {"proposed": 2, "accepted": 2, "rejected": 0}
    if daemon == "is stopped":
        machine.run("stop")
    assert machine.run("undo").returncode == 0
    assert hunks(machine) == {"proposed": 2, "accepted": 1, "rejected": 0}
    assert machine.run("undo", first).returncode == 0
    assert hunks(machine) == {"proposed": 2, "accepted": 0, "rejected": 0}
    assert machine.run("redo", first).returncode == 0
    assert (machine.run("status").returncode == 0) is (daemon == "runs"), "none is started for it"
    assert hunks(machine) == {"proposed": 2, "accepted": 1, "rejected": 0}
    again = machine.run("accept", proposal)
    assert again.returncode == 0, again.stderr
    assert "line three\n" in machine.text and "line seventeen\n" in machine.text
    assert "is accepted already" in machine.run("accept", proposal).stderr


def test_where_nothing_was_ever_asked_no_database_is_made(machine: Machine) -> None:
    machine.run("apply", stdin=TWO)
    assert machine.run("undo").returncode == 0 and "line 3\n" in machine.text
    assert not (machine.home / "state" / "aid" / "sessions.db").exists()


def test_a_database_that_can_not_be_used_is_said_and_the_files_are_taken_back(machine: Machine) -> None:
    machine.run("apply", stdin=TWO)
    path = machine.home / "state" / "aid" / "sessions.db"
    path.write_text("no database at all" * 100)
    done = machine.run("undo")
    assert done.returncode == 0 and "line 3\n" in machine.text
    assert f"can't use {path}" in done.stdout + done.stderr
