"""`aid ces doctor`, as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AID = "from aid.cli.main import main; main()"


def doctor(workspace: Path, tmp_path: Path, *words: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PATH": path or os.environ["PATH"]}
    argv = [sys.executable, "-c", AID, "ces", "doctor", "--workspace", str(workspace), *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def test_says_for_each_kind_whether_it_works_and_what_keeps_the_limits(workspace: Path, tmp_path: Path) -> None:
    ran = doctor(workspace, tmp_path, "--json")
    report = json.loads(ran.stdout)
    assert [each["kind"] for each in report["kinds"]] == ["bubblewrap", "unshare", "session"]
    assert [each["limit"] for each in report["limits"]] == ["memory", "processes", "cpu", "file", "output", "disk"]
    assert ran.returncode == (0 if report["isolated"] else 1)
    working = [each for each in report["kinds"] if each["works"]]
    assert report["uses"].startswith(working[0]["kind"])
    assert all(each["why"] for each in report["kinds"] if not each["works"])


def test_what_is_missing_is_named_with_what_to_install(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = doctor(workspace, tmp_path, path=str(tmp_path / "empty"))
    assert "bubblewrap  doesn't work\n            bubblewrap is missing: apt-get install bubblewrap" in ran.stdout


def test_whose_id_builds_have_and_why_not_anothers(workspace: Path, tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    (shut / "work").mkdir(parents=True)
    shut.chmod(0o700)
    told = json.loads(doctor(shut / "work", tmp_path, "--json").stdout)["identity"]
    assert told.startswith(f"uid {os.geteuid()}, as outside")
    if os.geteuid() == 0:
        assert "another user could not enter" in told
        assert any("runuser" in each for each in json.loads(doctor(workspace, tmp_path, "--json").stdout)["improve"])


def test_nothing_is_left_in_the_state_directory(workspace: Path, tmp_path: Path) -> None:
    doctor(workspace, tmp_path)
    assert [item for item in (tmp_path / "state").rglob("*") if item.is_file()] == []
    assert list(workspace.iterdir()) == []
