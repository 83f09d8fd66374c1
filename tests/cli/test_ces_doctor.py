"""`aid ces doctor`, as a person runs it."""

import json
import os
import subprocess
import sys
import tempfile
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
    assert report["uses"].split(",")[0] in [each["kind"] for each in working]
    assert all(each["why"] for each in report["kinds"] if not each["works"])


def test_what_is_missing_is_named_with_what_to_install(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = doctor(workspace, tmp_path, path=str(tmp_path / "empty"))
    assert "bubblewrap  doesn't work\n            bubblewrap is missing: apt-get install bubblewrap" in ran.stdout


def test_whose_id_builds_have_and_why_not_anothers(workspace: Path, tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    (workspace / "link").symlink_to(shut)
    report = json.loads(doctor(workspace, tmp_path, "--json").stdout)
    assert report["identity"].startswith(f"uid {os.geteuid()}, as outside")
    if os.geteuid() == 0:
        assert "another user could not read" in report["identity"]
        assert any("runuser" in each for each in report["improve"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a build as another user")
def test_root_says_that_builds_run_as_another_user_where_all_is_open(workspace: Path) -> None:
    """With nothing but the system's programs, and a home that holds none."""
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/nonexistent",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with tempfile.TemporaryDirectory(prefix="ces-test-", dir="/var/lib") as state:
        argv = [sys.executable, "-c", AID, "ces", "doctor", "--workspace", str(workspace), "--json"]
        ran = subprocess.run(argv, env=env | {"XDG_STATE_HOME": state}, capture_output=True, text=True, check=False)
    report = json.loads(ran.stdout)
    why = [each for kind in report["kinds"] if kind["kind"] == "unshare" for each in kind["why"]]
    if why and "another user could not read" not in " ".join(why):  # a kernel, or a file system, without mapped ids
        pytest.skip("; ".join(why))
    assert report["uses"].endswith("another user") and "shut to it" in report["identity"], report


def test_nothing_is_left_in_the_state_directory(workspace: Path, tmp_path: Path) -> None:
    doctor(workspace, tmp_path)
    assert [item for item in (tmp_path / "state").rglob("*") if item.is_file()] == []
    assert list(workspace.iterdir()) == []
