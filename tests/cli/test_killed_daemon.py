"""kill -9 of the daemon while it writes: the tree is the old one or the new one, and the journal says which."""

import json
import os
import random
import signal
import subprocess
from typing import Any

Machine = Any

KILLS = 15
FILES = [f"part{n}.txt" for n in range(8)]
REPLY = "".join(
    f"{name}\n<<<<<<< SEARCH\n{name} begins\n=======\n{name} changed\n>>>>>>> REPLACE\n\n" for name in FILES
)


def test_a_killed_daemon_leaves_the_old_tree_or_the_new_one(machine: Machine) -> None:
    machine.replies({"match": "", "reply": REPLY})
    (machine.root / "calc.txt").unlink()
    for name in FILES:
        (machine.root / name).write_text(f"{name} begins\n")
    before = tree(machine)
    after = {name: f"{name} changed\n" for name in FILES}
    chance = random.Random(20)
    for _ in range(KILLS):
        told = json.loads(machine.run("ask", "change all", "--json").stdout)
        pid = json.loads(machine.run("status", "--json").stdout)["pid"]
        accepting = machine.start("accept", told["id"], "--json")
        try:
            accepting.wait(chance.uniform(0.05, 0.25))
        except subprocess.TimeoutExpired:
            os.kill(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
        accepting.communicate()
        log = json.loads(machine.run("log", "--json").stdout)
        found = tree(machine)
        assert found in (before, after)
        applied = any(told["id"] in entry["id"] and entry["state"] == "applied" for entry in log["entries"])
        assert applied == (found == after)
        if applied:
            assert machine.run("undo").returncode == 0
            assert tree(machine) == before


def tree(machine: Machine) -> dict[str, str]:
    return {path.name: path.read_text() for path in machine.root.iterdir() if path.is_file()}
