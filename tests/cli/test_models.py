"""`aid models`: what was chosen is shown, and outlives the daemon."""

import json
from pathlib import Path
from typing import Any

Machine = Any


def default(machine: Machine) -> str:
    (line,) = (line for line in machine.run("models").stdout.splitlines() if line.startswith("*"))
    return str(line.removeprefix("* "))


def test_a_chosen_model_answers_after_a_restart_until_the_configuration_names_another(machine: Machine) -> None:
    assert default(machine).startswith("replay (replay)")
    assert "* hints (hints, chosen here)" in machine.run("models", "use", "hints").stdout
    assert machine.run("restart").returncode == 0
    assert default(machine).startswith("hints (hints, chosen here)")
    told = json.loads(machine.run("ask", "change line 7", "--json").stdout)
    assert told["model"] == "hints"
    assert [
        each["name"] for each in json.loads(machine.run("models", "--json").stdout)["models"] if each["default"]
    ] == ["hints"]
    file: Path = machine.home / "config/aid/aid.toml"
    written = file.read_text()
    file.write_text(written.replace('"replay"\n[', '"other"\n[') + '[models.other]\nbackend = "hints"\n')
    assert default(machine).startswith("other (hints)"), "the newest word is aid.toml's"
    file.write_text(written)
    assert machine.run("models", "use", "replay").returncode == 0
    assert default(machine).startswith("replay (replay)")


def test_a_model_is_chosen_for_one_workspace(machine: Machine) -> None:
    machine.run("models", "use", "hints")
    machine.root = machine.home / "other"
    (machine.root / ".git").mkdir(parents=True)
    assert default(machine).startswith("replay (replay)")
    refused = machine.run("models", "use", "none")
    assert refused.returncode == 2 and "there is no model 'none'" in refused.stderr
