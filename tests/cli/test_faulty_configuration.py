"""A typo in aid.toml: one line that says where, and a daemon that runs on."""

import json
from typing import Any

import pytest

Machine = Any


def test_restart_and_status_leave_a_running_daemon_alone(machine: Machine) -> None:
    assert machine.run("start").returncode == 0
    pid = json.loads(machine.run("status", "--json").stdout)["pid"]
    user_file = machine.home / "config" / "aid" / "aid.toml"
    user_file.write_text("default_model = ")
    restarted = machine.run("restart")
    assert (restarted.returncode, restarted.stdout) == (2, "")
    assert restarted.stderr.startswith(f"aid: {user_file} is not TOML") and restarted.stderr.count("\n") == 1
    status = machine.run("status")
    assert status.returncode == 0
    assert f"pid {pid}," in status.stdout and f"configuration: {user_file} is not TOML" in status.stdout
    told = json.loads(machine.run("status", "--json").stdout)
    assert told["pid"] == pid and "is not TOML" in told["config_error"]


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("models = 3\n", "Expected `object`, got `int` - at `$.models`"),
        ('[[models]]\nbackend = "hints"\n', "Expected `object`, got `array` - at `$.models`"),
        ("x = " + "[" * 5000, "is not TOML"),
        ("x = " + "1" * 5000, "is not TOML"),
    ],
)
def test_a_workspaces_file_that_means_nothing_is_said_in_one_line(machine: Machine, toml: str, told: str) -> None:
    (machine.root / "aid.toml").write_text(toml)
    for words in (("ask", "change"), ("models",), ("trust",), ("ces", "warm")):
        ran = machine.run(*words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert told in ran.stderr and ran.stderr.startswith("aid: ") and ran.stderr.count("\n") == 1
    doctor = machine.run("doctor")
    assert (doctor.returncode, doctor.stderr) == (1, "")
    assert "MISSING  configuration\n" in doctor.stdout and told in doctor.stdout
