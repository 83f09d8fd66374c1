"""What reaches a terminal, a pipe and a full disk: nothing hidden, nothing lost, one line when it can't be said."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Machine = Any

AID = Path(sys.executable).parent / "aid"
HIDING = "line 7\x1b[2K\x1b[1G \u202egnihton\x07"
REPLY = f"calc.txt\n<<<<<<< SEARCH\nline 7\n=======\n{HIDING}\n>>>>>>> REPLACE\n"
SHOWN = r"line 7\x1b[2K\x1b[1G \u202egnihton\x07"


def on_terminal(machine: Machine, *words: str, stdin: str = "") -> str:
    """What a terminal is sent on standard output."""
    ours, theirs = pty.openpty()
    env = machine.env | {"TERM": "dumb", "COLUMNS": "60"}
    given = stdin.encode()
    subprocess.run([AID, *words], cwd=machine.root, env=env, input=given, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    sent = os.read(ours, 65536).decode()
    os.close(ours)
    return sent


def shell(machine: Machine, line: str) -> subprocess.CompletedProcess[bytes]:
    env = machine.env | {"AID": str(AID)}
    done = subprocess.run(["bash", "-c", line], cwd=machine.root, env=env, capture_output=True, check=False)
    assert len(done.stderr.splitlines()) == 1, (line, done.stderr)
    return done


def test_a_diff_on_a_terminal_shows_what_the_terminal_would_obey(machine: Machine) -> None:
    machine.replies({"match": "", "reply": REPLY})
    for sent in (
        on_terminal(machine, "apply", "--dry-run", stdin=REPLY),
        on_terminal(machine, "ask", "change", "calc.txt"),
    ):
        assert SHOWN in sent
        assert "\x1b[2K\x1b[1G" not in sent and "\u202e" not in sent and "\x07" not in sent


def test_a_long_line_of_a_diff_is_not_cropped_on_a_terminal(machine: Machine) -> None:
    reply = REPLY.replace(HIDING, f"line 7{' ' * 200}and more")
    assert "and more" in on_terminal(machine, "apply", "--dry-run", stdin=reply)


def test_a_diff_in_a_pipe_is_as_it_is(machine: Machine) -> None:
    machine.replies({"match": "", "reply": REPLY})
    for done in (
        machine.run("apply", "--dry-run", stdin=REPLY),
        machine.run("ask", "change", "calc.txt"),
        machine.run("ask", "change", "calc.txt", "--all"),
    ):
        assert f"-line 7\n+{HIDING}\n" in done.stdout


def test_an_error_shows_what_the_terminal_would_obey(machine: Machine) -> None:
    done = machine.run("ask", "change", "gone\x1b]0;t\x07\u202e.txt")
    assert done.returncode == 2 and r"gone\x1b]0;t\x07\u202e.txt is missing" in done.stderr


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (r"$AID ask $'x\xff' calc.txt", 2, b"isn't UTF-8"),
        (r"printf 'x\xff' | $AID ask - calc.txt", 2, b"isn't UTF-8|standard input can't be read"),
        ("$AID ask - calc.txt <&-", 2, b"standard input can't be read"),
        ("$AID ask x calc.txt >&-", 2, b"standard output is closed"),
        ("$AID apply --dry-run < reply >&-", 2, b"standard output is closed"),
        ("$AID apply --dry-run < reply > /dev/full", 1, b"can't write to standard output: No space left"),
        ("$AID apply --dry-run --json < reply > /dev/full", 1, b"can't write to standard output: No space left"),
        ("$AID doctor > /dev/full", 1, b"can't write to standard output: No space left"),
    ],
)
def test_what_can_not_be_read_or_written_is_one_line(machine: Machine, line: str, code: int, told: bytes) -> None:
    (machine.root / "reply").write_text(REPLY)
    done = shell(machine, line)
    assert done.returncode == code
    assert any(each in done.stderr for each in told.split(b"|")), done.stderr


def test_an_answer_for_a_full_disk_is_one_line(machine: Machine) -> None:
    machine.replies({"match": "", "reply": REPLY})
    done = shell(machine, "$AID ask change calc.txt 2>progress >/dev/full; code=$?; tail -n 1 progress >&2; exit $code")
    assert done.returncode == 1 and b"aid: can't write to standard output: No space left" in done.stderr
    assert "Traceback" not in (machine.root / "progress").read_text()


@pytest.mark.parametrize("command", ["ask x", "doctor", "trust", "models", "models use replay", "ces doctor", "undo"])
def test_a_directory_that_is_gone_is_one_line(machine: Machine, command: str) -> None:
    done = shell(machine, f"mkdir gone && cd gone && rmdir ../gone && $AID {command}")
    assert done.returncode == 2 and b"the current directory can't be read" in done.stderr


def test_ctrl_c_during_the_imports_is_one_line() -> None:
    code = """
import sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "aid.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
from aid.cli.entry import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code, "undo"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "aid: cancelled\n")
