"""The workspaces of the demo, with their real builds and no model: what the first run shows is the hints' work."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

Machine = Any
DEMO = Path(__file__).parents[2] / "demo"


@pytest.mark.ocaml
@pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml")
def test_hints_go_on_from_what_they_mended_until_dune_is_green(machine: Machine) -> None:
    """The error in bin/main.ml is only told once lib/ compiles, so one round can't do."""
    shutil.copytree(DEMO / "ocaml", machine.root, dirs_exist_ok=True)
    done = machine.run("ask", "fix the build errors", "--apply", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["verdict"]["status"], told["applied"]) == ("hints", "green", True)
    assert {file["path"] for file in told["files"]} == {"lib/inventory.ml", "lib/report.ml", "bin/main.ml"}
    subprocess.run(["dune", "test", "--root", "."], cwd=machine.root, check=True, capture_output=True)


def test_hints_make_the_python_workspace_green(machine: Machine) -> None:
    shutil.copytree(DEMO / "python", machine.root, dirs_exist_ok=True)
    done = machine.run("ask", "fix the failing tests", "--apply", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["verdict"]["status"], told["applied"]) == ("hints", "green", True)
