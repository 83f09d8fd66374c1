"""`aid ask` and what follows it, as a person or a script runs them."""

import json
import signal
from typing import Any

import pytest

Machine = Any

SEVEN = {"match": "", "reply": "Seven.\n\ncalc.txt\n<<<<<<< SEARCH\nline 7\n=======\nline seven\n>>>>>>> REPLACE\n"}
JSON_KEYS = {"id", "model", "diff", "files", "verdict", "candidates", "timings_ms", "applied"}


def test_ask_prints_the_diff_and_an_honest_verdict(machine: Machine) -> None:
    machine.replies(SEVEN)
    done = machine.run("ask", "change line 7", "calc.txt")
    assert done.returncode == 0, done.stderr
    assert "-line 7\n+line seven\n" in done.stdout
    assert "verdict: unchecked: no build was recognised" in done.stdout
    assert "line 7\n" in machine.text


def test_json_is_one_object_with_every_key_and_nothing_else(machine: Machine) -> None:
    machine.replies(SEVEN)
    done = machine.run("ask", "change line 7", "--json")
    told = json.loads(done.stdout)
    assert set(told) >= JSON_KEYS and done.stderr == ""
    assert (told["model"], told["applied"], told["verdict"]["status"]) == ("replay", False, "unchecked")
    assert told["verdict"]["stage"] is None and told["verdict"]["diagnostics"] == []
    assert told["files"] == [{"path": "calc.txt", "status": "modified", "old_path": None, "added": 1, "removed": 1}]
    assert {"queue", "first_token", "total"} <= set(told["timings_ms"])


def test_apply_undo_redo_and_log(machine: Machine) -> None:
    machine.replies(SEVEN)
    applied = json.loads(machine.run("ask", "change line 7", "--apply", "--json").stdout)
    assert applied["applied"] is True and "line seven\n" in machine.text
    assert machine.run("undo", applied["undo"]).returncode == 0 and "line 7\n" in machine.text
    assert machine.run("redo").returncode == 0 and "line seven\n" in machine.text
    log = json.loads(machine.run("log", "--json").stdout)
    assert applied["undo"] in json.dumps(log)


def test_a_proposal_is_accepted_or_rejected_later(machine: Machine) -> None:
    machine.replies(SEVEN)
    first = json.loads(machine.run("ask", "change line 7", "--json").stdout)["id"]
    second = json.loads(machine.run("ask", "change line 7", "--json").stdout)["id"]
    assert machine.run("reject", first).returncode == 0
    refused = machine.run("accept", first)
    assert refused.returncode == 2 and "rejected already" in refused.stderr
    assert machine.run("accept", second, "--hunk", "calc.txt:0").returncode == 0
    assert "line seven\n" in machine.text


def test_a_part_is_turned_down_and_left_out_of_what_is_accepted_later(machine: Machine) -> None:
    machine.replies(SEVEN)
    proposal = json.loads(machine.run("ask", "change line 7", "--json").stdout)["id"]
    assert machine.run("reject", proposal, "--hunk", "calc.txt:9").returncode == 2
    assert machine.run("reject", proposal, "--hunk", "calc.txt:0", "--because", "not mine").returncode == 0
    refused = machine.run("accept", proposal)
    assert refused.returncode == 2 and "rejected already" in refused.stderr
    hunks = json.loads(machine.run("stats", "--json").stdout)["hunks"]
    assert hunks == {"proposed": 1, "accepted": 0, "rejected": 1} and "line 7\n" in machine.text


def test_nothing_proposed_is_exit_1_with_the_reason(machine: Machine) -> None:
    machine.replies({"match": "", "reply": "I would not."})
    done = machine.run("ask", "change line 7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing proposed: the answer has no edits" in done.stderr
    told = json.loads(machine.run("ask", "change line 7", "--json").stdout)
    assert (told["id"], told["diff"], told["verdict"]["status"]) == (None, "", "unchecked")


def test_wrong_usage_is_exit_2_in_one_line(machine: Machine) -> None:
    for words in (["ask"], ["ask", "x", "missing.py"], ["ask", "x", "--model", "none"], ["nonsense"], ["ask", ""]):
        done = machine.run(*words)
        assert done.returncode == 2, (words, done)
        assert done.stdout == "" and len(done.stderr.splitlines()) == 1, (words, done.stderr)


def test_interrupting_cancels_the_request_in_the_daemon(machine: Machine) -> None:
    machine.replies({"match": "", "pieces": [{"text": "I think"}, {"wait": "never"}]})
    machine.run("start")
    asking = machine.start("ask", "change line 7")
    assert asking.stderr.readline()  # what context it sent: the request is running
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate()
    assert asking.returncode == 130, err
    assert json.loads(machine.run("status", "--json").stdout)["requests_running"] == 0
    assert out == ""


def test_completion_and_help_are_there(machine: Machine) -> None:
    assert "_AID_COMPLETE" in machine.run("completion", "bash").stdout
    told = machine.run("--help").stdout
    for name in ("ask", "apply", "undo", "doctor", "stats"):
        assert f"\n  {name} " in told


def test_an_undo_from_the_command_line_counts(machine: Machine) -> None:
    machine.replies(SEVEN)
    machine.run("ask", "change line 7", "--apply")
    assert machine.run("undo").returncode == 0
    assert json.loads(machine.run("stats", "--json").stdout)["outcomes"]["undone"] == 1


def test_a_failure_under_json_is_one_object_too(machine: Machine) -> None:
    done = machine.run("ask", "x", "--model", "none", "--json")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "there is no model 'none'" in json.loads(done.stdout)["error"]


def test_an_untrusted_build_is_said_and_waited_for(machine: Machine) -> None:
    (machine.root / "aid.toml").write_text('[build]\nadapter = "command"\ncommand = ["touch", "owned"]\n')
    machine.replies(SEVEN)
    done = machine.run("ask", "change line 7", "--apply")
    assert "aid.toml is not trusted, left out: build.command, build.adapter" in done.stderr
    assert done.returncode == 1 and "not applied: the build did not say" in done.stdout
    assert "line 7\n" in machine.text and not (machine.root / "owned").exists()
    assert machine.run("trust").returncode == 0
    assert machine.run("ask", "change line 7", "--apply").returncode == 0
    assert "line seven\n" in machine.text and not (machine.root / "owned").exists()


def test_an_untrusted_default_model_is_said_and_another_answers(machine: Machine) -> None:
    model = '[models.q]\nbackend = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "q"\n'
    (machine.root / "aid.toml").write_text(f'default_model = "q"\n{model}')
    machine.replies(SEVEN)
    done = machine.run("ask", "change line 7")
    assert done.returncode == 0 and "by replay" in done.stdout
    assert "aid.toml is not trusted, left out: models.q, default_model; read it, then 'aid trust'" in done.stderr


def test_a_named_file_that_can_not_be_shown_is_said(machine: Machine) -> None:
    (machine.root / "image.bin").write_bytes(b"\0\1")
    machine.replies(SEVEN)
    done = machine.run("ask", "change line 7", "image.bin", "calc.txt:500")
    assert "image.bin is not shown: it is binary" in done.stderr
    assert "calc.txt has 20 lines: line 500 is past its end" in done.stderr


def test_home_is_no_project(machine: Machine) -> None:
    machine.env["HOME"] = str(machine.root)
    (machine.root / ".git").rmdir()
    done = machine.run("ask", "x")
    assert done.returncode == 2 and "is no project" in done.stderr


@pytest.mark.parametrize(
    ("patch", "gone"),
    [
        ("*** Delete File: test_m.py\n", "deleted"),
        ("*** Add File: conftest.py\n+collect_ignore = ['test_m.py']\n", "skipped"),
        ("*** Update File: test_m.py\n@@\n-    assert add(1, 2) == 3\n+    pass\n", "emptied"),
    ],
    ids=("deleted", "skipped", "emptied"),
)
def test_a_green_without_its_tests_is_flagged_and_not_applied_by_itself(
    machine: Machine, patch: str, gone: str
) -> None:
    (machine.root / "m.py").write_text("def add(a, b):\n    return a - b\n")
    test = "from m import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    (machine.root / "test_m.py").write_text(test)
    (machine.root / "pytest.ini").write_text("[pytest]\n")
    machine.replies({"match": "", "reply": f"*** Begin Patch\n{patch}*** End Patch"})
    done = machine.run("ask", "mend add", "m.py", "test_m.py", "--apply")
    assert done.returncode == 1, done
    assert f"verdict: green (pytest test), 1 error fixed, tests {gone}\nflag: test-" in done.stdout
    assert f"not applied: its tests are {gone}; 'aid accept p" in done.stdout
    assert (machine.root / "test_m.py").read_text() == test and not (machine.root / "conftest.py").exists()
