"""`aid ces` as a person or a script runs it: bases and verdicts, without the daemon."""

import json
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Machine = Any
DIFF = "--- a/calc.txt\n+++ b/calc.txt\n@@ -7 +7 @@\n-line 7\n+{}\n"
BUILD = '[build]\nadapter = "command"\ncommand = ["sh", "-c", "! grep -n broken calc.txt"]\n'


@pytest.fixture
def built(machine: Machine) -> Machine:
    """A workspace that is green while calc.txt says nothing broken."""
    user = machine.home / "config" / "aid" / "aid.toml"
    user.write_text(user.read_text() + BUILD)
    return machine


def test_warm_and_check_say_green_and_red_by_their_exit_status(built: Machine) -> None:
    warmed = built.run("ces", "warm")
    assert (warmed.returncode, warmed.stderr) == (0, "") and "(command): green" in warmed.stdout
    green = built.run("ces", "check", stdin=DIFF.format("line seven"))
    assert (green.returncode, green.stderr) == (0, "") and green.stdout.startswith("verdict: green (command build)\n")
    red = built.run("ces", "check", stdin=DIFF.format("broken"))
    assert red.returncode == 1 and red.stdout.startswith("verdict: red (command build)")
    assert "line 7\n" in built.text


def test_json_is_the_whole_verdict_and_nothing_else(built: Machine) -> None:
    done = built.run("ces", "check", "--json", stdin=DIFF.format("broken"))
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (told["status"], told["stage"], told["reward"], told["cached"]) == ("red", "build", 0.0, False)
    assert set(told) >= {"components", "flags", "base", "toolchain", "queue_ms", "cpu_ms", "wall_ms", "diagnostics"}
    again = json.loads(built.run("ces", "check", "--json", stdin=DIFF.format("broken")).stdout)
    assert again["cached"] and again["base"] == told["base"]


def test_a_mend_of_a_red_base_runs_more_tests_than_were_expected(built: Machine) -> None:
    user = built.home / "config" / "aid" / "aid.toml"
    script = "grep -c line calc.txt | sed 's/.*/==== & passed in 0.1s ====/'; ! grep -q broken calc.txt"
    user.write_text(user.read_text().replace("! grep -n broken calc.txt", script))
    text, mend = built.text, DIFF.replace("-line 7", "-broken").format("line 7")
    lines = text.count("line")
    (built.root / "calc.txt").write_text(text.replace("line 7\n", "broken\n"))
    assert f"reward 1, {lines} tests, {lines - 1} expected, " in built.run("ces", "check", stdin=mend).stdout
    (built.root / "calc.txt").write_text(text)
    edit = DIFF.format("line seven")
    assert f"reward 1, {lines} of {lines} tests, " in built.run("ces", "check", stdin=edit).stdout


def test_what_is_no_diff_and_what_does_not_fit(built: Machine) -> None:
    for stdin, stage in (("hello", "format"), (DIFF.format("x").replace("-line 7", "-line 99"), "apply")):
        done = built.run("ces", "check", "--json", stdin=stdin)
        told = json.loads(done.stdout)
        assert (done.returncode, told["stage"], told["reward"]) == (1, stage, -1.0)


def test_a_diff_of_a_checkout_with_other_line_ends(built: Machine) -> None:
    unix = (built.root / "calc.txt").read_bytes()
    dos = unix.replace(b"\n", b"\r\n")
    mixed = unix.replace(b"line 8\n", b"line 8\r\n")

    def judged(here: bytes, there: bytes, line: bytes) -> dict[str, Any]:
        """The verdict on git's diff of `there` with another line 7, in a workspace that has `here`."""
        other = built.home / uuid.uuid4().hex
        other.mkdir()
        git = ["git", "-c", "core.autocrlf=false"]
        subprocess.run([*git, "init", "-q"], cwd=other, check=True)
        (other / "calc.txt").write_bytes(there)
        subprocess.run([*git, "add", "calc.txt"], cwd=other, check=True)
        (other / "calc.txt").write_bytes(there.replace(b"line 7", line))
        diff = subprocess.run([*git, "diff"], cwd=other, check=True, capture_output=True).stdout.decode()
        (built.root / "calc.txt").write_bytes(here)
        told: dict[str, Any] = json.loads(built.run("ces", "check", "--json", stdin=diff).stdout)
        return told

    for here, there in ((unix, dos), (dos, unix)):
        assert judged(here, there, b"seven")["status"] == "green"
        assert judged(here, there, b"broken")["stage"] == "build"
    refused = judged(mixed, unix, b"seven")
    assert (refused["stage"], refused["reward"]) == ("apply", -1.0)
    assert "the file's lines end in LF and CRLF, the diff's in LF. Make the diff from" in refused["reason"]


def test_wrong_usage_is_exit_2_in_one_line(machine: Machine) -> None:
    subprocess.run(["git", "init", "-q"], cwd=machine.root, check=True)
    for words in (
        ["check", "--upto", "nowhere"],
        ["check", "--rev", "nothing"],
        ["warm"],
        ["nonsense"],
        ["warm", "--quota", "much"],
    ):
        done = machine.run("ces", *words)
        assert done.returncode == 2 and done.stdout == "", (words, done)
        assert len(done.stderr.splitlines()) == 1, (words, done.stderr)


NEEDS_DUNE = pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml")
SPY = """--- /dev/null
+++ b/spy/dune
@@ -0,0 +1,3 @@
+(rule
+ (targets seen)
+ (action (with-stdout-to seen (system "grep -rs . {} | grep ."))))
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory that isn't in /tmp, of which a build has its own."""
    made = Path(tempfile.mkdtemp(prefix=".ces-test-", dir=Path.home()))
    yield made
    shutil.rmtree(made)


@NEEDS_DUNE
def test_a_dune_rule_does_not_see_state_that_is_kept_elsewhere(elsewhere: Path, built: Machine) -> None:
    """Other bases, verdicts, the token, settings: with XDG directories outside the home directory's usual places."""
    shutil.copytree(built.home / "config", elsewhere / "config")
    for name in ("STATE", "CONFIG", "CACHE"):
        built.env[f"XDG_{name}_HOME"] = str(elsewhere / name.lower())
    built.env["XDG_RUNTIME_DIR"] = str(elsewhere / "run")
    for name in ("run", "cache/aid", "public"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "file").write_text("something\n")
    other = json.loads(built.run("ces", "warm", "--json").stdout)["id"]
    (elsewhere / "state/aid/ces/token").write_text("a token\n")
    (built.root / "dune-project").write_text("(lang dune 2.9)\n")
    (elsewhere / "config/aid/aid.toml").write_text("[build]\nadapter = 'dune'\n")

    def spied(*names: str) -> str:
        diff = SPY.format(" ".join(str(elsewhere / name) for name in names))
        status: str = json.loads(built.run("ces", "check", "--json", "--upto", "build", stdin=diff).stdout)["status"]
        return status

    assert spied("public") == "green"
    kept = [f"state/aid/ces/{name}" for name in (f"bases/{other}", "token", "verdicts.db")]
    assert all((elsewhere / name).exists() for name in kept)
    assert spied(*kept, "config", "cache", "run") == "red"


def test_the_least_recently_used_base_goes_when_the_quota_is_full(built: Machine) -> None:
    def warmed(text: str, *words: str) -> str:
        (built.root / "calc.txt").write_text(text)
        base: str = json.loads(built.run("ces", "warm", "--json", *words).stdout)["id"]
        return base

    def kept() -> set[str]:
        return {path.parent.name for path in (built.home / "state/aid/ces/bases").glob("*/base.json")}

    first, second = warmed("a\n" * 600_000), warmed("b\n" * 600_000)  # 1.2 MB each
    assert warmed("a\n" * 600_000) == first  # used again: now the second has waited longest
    third = warmed("c\n" * 600_000, "--quota", "3M")
    assert kept() == {first, third} and second not in kept()
    user = built.home / "config" / "aid" / "aid.toml"
    user.write_text(user.read_text() + "[ces]\nquota_gb = 0.002\n")
    assert warmed("a\n" * 600_000) == first
    assert kept() == {first}


@NEEDS_DUNE
def test_a_dune_workspace_at_a_revision(machine: Machine) -> None:
    (machine.root / "dune-project").write_text("(lang dune 2.9)\n")
    (machine.root / "dune").write_text("(executable (name a))\n")
    (machine.root / "a.ml").write_text("let () = print_int 1\n")
    shutil.rmtree(machine.root / ".git")
    who = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qmx"]):
        subprocess.run(["git", *words], cwd=machine.root, check=True)
    (machine.root / "a.ml").write_text("let () = print_int true\n")
    assert machine.run("ces", "warm").returncode == 1
    assert machine.run("ces", "warm", "--rev", "HEAD").returncode == 0
    diff = "--- a/a.ml\n+++ b/a.ml\n@@ -1 +1 @@\n-let () = print_int 1\n+let () = print_int 2\n"
    assert machine.run("ces", "check", "--rev", "HEAD", stdin=diff).returncode == 0
    assert not (machine.root / "_build").exists()
