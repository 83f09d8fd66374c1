"""`aid doctor`: what it says is so, and its exit status is whether AID works."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AID = str(Path(sys.executable).with_name("aid"))


def doctor(environment: dict[str, str], cwd: Path) -> tuple[int, dict[str, Any]]:
    ran = subprocess.run(
        [AID, "doctor", "--json"], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    report = json.loads(ran.stdout)
    assert report["works"] is (ran.returncode == 0)
    return ran.returncode, {check["name"]: check for check in report["checks"]}


@pytest.fixture
def workspace(private: Path) -> Path:
    """Its model is the hints, so that nothing depends on what is installed here."""
    root = private / "w"
    root.mkdir()
    (root / "aid.toml").write_text('default_model = "hints"\n')
    return root


def test_works_where_a_model_and_a_build_are(environment: dict[str, str], workspace: Path) -> None:
    code, checks = doctor(environment, workspace)
    assert code == 0
    assert checks["configuration"]["found"] == str(workspace / "aid.toml")
    assert checks["model hints"]["status"] == "ok"
    assert checks["daemon"]["found"].startswith("not running")
    assert all(check["fix"] for check in checks.values() if check["status"] == "missing")


def test_a_program_that_is_missing_comes_with_its_command(environment: dict[str, str], workspace: Path) -> None:
    code, checks = doctor(environment | {"PATH": str(workspace)}, workspace)
    assert code == 0
    assert checks["git"] == {
        "name": "git",
        "status": "missing",
        "needed": False,
        "found": "",
        "fix": "apt-get install git   (for Git workspaces)",
    }


def test_a_program_that_fails_when_asked_is_not_called_ok(environment: dict[str, str], workspace: Path) -> None:
    (workspace / "git").write_text("#!/bin/sh\necho 'error: no version is chosen' >&2\nexit 1\n")
    (workspace / "git").chmod(0o755)
    _, checks = doctor(environment | {"PATH": str(workspace)}, workspace)
    assert checks["git"]["status"] == "poor" and "apt-get install git" in checks["git"]["fix"]
    assert checks["git"]["found"] == f"error: no version is chosen at {workspace / 'git'}"


def test_the_build_of_this_workspace_is_needed(environment: dict[str, str], workspace: Path) -> None:
    (workspace / "dune-project").write_text("(lang dune 2.9)\n")
    code, checks = doctor(environment | {"PATH": str(workspace)}, workspace)
    assert code == 1
    assert checks["build"]["status"] == "missing" and "apt-get install ocaml-dune" in checks["build"]["fix"]


def test_names_a_configuration_that_can_not_be_read(environment: dict[str, str], workspace: Path) -> None:
    (workspace / "aid.toml").write_text("default_model = [")
    code, checks = doctor(environment, workspace)
    assert code == 1
    assert checks["configuration"]["fix"].startswith(f"{workspace}/aid.toml is not TOML")


def test_names_what_is_withheld_until_it_is_trusted(environment: dict[str, str], workspace: Path) -> None:
    build = '[build]\nadapter = "command"\ncommand = ["true"]\n'
    (workspace / "aid.toml").write_text(f'default_model = "hints"\n{build}[ces]\nquota_gb = 1\n')
    _, checks = doctor(environment, workspace)
    assert checks["withheld settings"]["found"] == "build.command, build.adapter"
    trusted = subprocess.run(
        [AID, "trust", "--json", str(workspace)], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(trusted.stdout) == {
        "trusted": str(workspace / "aid.toml"),
        "settings": ["build.command", "build.adapter"],
        "ignored": ["ces.quota_gb"],
    }
    _, checks = doctor(environment, workspace)
    assert "withheld settings" not in checks
    assert checks["ignored settings"]["found"] == "ces.quota_gb"  # trusted or not: it is for all workspaces
    assert checks["build"]["found"] == f"command in {workspace}"


def test_sees_open_directories_and_how_to_close_them(
    environment: dict[str, str], workspace: Path, private: Path
) -> None:
    (private / "runtime" / "aid").mkdir()
    (private / "runtime" / "aid").chmod(0o755)
    _, checks = doctor(environment, workspace)
    assert checks["runtime directory"]["fix"] == f"chmod 700 {private}/runtime/aid"


def test_prints_lines_for_people(environment: dict[str, str], workspace: Path) -> None:
    ran = subprocess.run([AID, "doctor"], env=environment, cwd=workspace, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-1] == "AID works here."
