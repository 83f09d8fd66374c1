"""kill -9 of real `aid` processes, at every system call that changes something and at random moments."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from aid.apply import apply, history, recover, undo
from ces.change import FileChange

BEFORE = {"a.py": "one\ntwo\nthree\n", "d/b.py": "x = 1\n", "gone.py": "bye\n"}
AFTER = {"a.py": "one\n2\nthree\n", "d/b.py": "x = 2\n", "n/e/w.py": "new\n"}
REPLY = """*** Begin Patch
*** Update File: a.py
@@
 one
-two
+2
 three
*** Update File: d/b.py
@@
-x = 1
+x = 2
*** Delete File: gone.py
*** Add File: n/e/w.py
+new
*** End Patch
"""
CHANGING_CALLS = ("write", "fsync", "fchmod", "mkdirat", "linkat", "rename", "renameat", "unlink", "unlinkat")
RANDOM_KILLS = 200


class Processes:
    """`aid` commands on one workspace, each in a process of its own, begun when told to."""

    def __init__(self, home: Path, root: Path) -> None:
        self.root = root
        self._reply = home / "reply"
        self._reply.write_text(REPLY)
        self._gate = home / "gate"
        os.mkfifo(self._gate)
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("prefork.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def prepare(self, *argv: str) -> int:
        """The pid of a process that waits to become `aid ARGV`."""
        order = {"argv": argv, "stdin": str(self._reply), "cwd": str(self.root), "gate": str(self._gate)}
        return int(self._exchange(json.dumps(order)))

    def run_killed_at(self, call: str, number: int, *argv: str) -> int:
        """How `aid ARGV` ends when it is killed as it makes the system call `call` for the `number`th time."""
        pid = self.prepare(*argv)
        inject = f"inject={call}:signal=KILL:when={number}"
        command = ["strace", "-p", str(pid), "-e", f"trace={call}", "-e", inject, "-o", os.devnull]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as tracing:
            assert tracing.stderr is not None
            assert b"attached" in tracing.stderr.readline()
            self.begin()
            return self.ended()

    def begin(self) -> None:
        os.close(os.open(self._gate, os.O_WRONLY))

    def ended(self) -> int:
        return int(self._exchange(""))

    def close(self) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def _exchange(self, line: str) -> str:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(line + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()


@pytest.fixture
def processes(home: Path, root: Path) -> Iterator[Processes]:
    fill(root, BEFORE)
    serving = Processes(home, root)
    yield serving
    serving.close()


def fill(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def tree(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}


def mend_and_check(root: Path, home: Path) -> str:
    """What the workspace is after recovery, "old" or "new"; the journal agrees and nothing is left lying about."""
    recover(root)
    found = tree(root)
    assert found in (BEFORE, AFTER), found
    is_new = found == AFTER
    states = [entry.state for entry in history(root, 1000)]
    assert states.count("applied") == (1 if is_new else 0)
    assert (root / "n").exists() == is_new
    journal = next((home / "state").rglob("journal"), None)
    assert journal is None or not {"pending"} & {each.name for each in journal.iterdir()}
    return "new" if is_new else "old"


def make_ready(root: Path, command: str) -> None:
    """Bring the tree to where `command` starts."""
    applied = tree(root) == AFTER
    if command == "apply" and applied:
        undo(root)
    elif command == "undo" and not applied:
        apply(root, changes())
    elif command == "redo":
        if not applied:
            apply(root, changes())
        undo(root)


def changes() -> list[FileChange]:
    paths = sorted(BEFORE.keys() | AFTER.keys())
    texts = [(path, BEFORE.get(path), AFTER.get(path)) for path in paths]
    return [
        FileChange(path=path, before=old.encode() if old else None, after=new.encode() if new else None)
        for path, old, new in texts
    ]


def needs_strace() -> None:
    """Skips, saying why, where system calls can't be tampered with."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    command = ["strace", "-e", "inject=fsync:signal=KILL", "-o", os.devnull, "true"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("strace may not trace here")


# Fsyncs: two for the journal, one for each of three files written, one a directory touched that is still there.
@pytest.mark.parametrize(("command", "fsyncs"), [("apply", 2 + 3 + 4), ("undo", 2 + 3 + 2), ("redo", 2 + 3 + 4)])
def test_killed_at_any_changing_system_call_the_tree_is_old_or_new(
    processes: Processes, home: Path, command: str, fsyncs: int
) -> None:
    needs_strace()
    killed: dict[str, int] = {}
    seen: set[str] = set()
    for call in CHANGING_CALLS:
        for number in range(1, 100):
            make_ready(processes.root, command)
            code = processes.run_killed_at(call, number, command)
            seen.add(mend_and_check(processes.root, home))
            if code == 0:
                break
            assert code == -signal.SIGKILL
            killed[call] = number
        assert code == 0, "the command never got through"
    assert seen == {"old", "new"}
    assert killed["renameat"] == 2
    assert killed["fsync"] == fsyncs
    assert sum(killed.values()) > 20


def test_killed_at_random_moments_of_many_applies_and_undos(processes: Processes, home: Path) -> None:
    random = Random(20261122)
    never = threading.Event()
    killed = 0
    outcomes: set[str] = set()
    longest_s = 0.02
    for number in range(RANDOM_KILLS):
        command = "apply" if number % 3 else "undo"
        make_ready(processes.root, command)
        pid = processes.prepare(command)
        processes.begin()
        never.wait(random.uniform(0, longest_s))
        os.kill(pid, signal.SIGKILL)  # the zombie keeps its pid until `ended`
        code = processes.ended()
        killed += code == -signal.SIGKILL
        longest_s *= 1.05 if code == -signal.SIGKILL else 0.9
        outcomes.add(mend_and_check(processes.root, home))
    assert killed > RANDOM_KILLS / 4
    assert outcomes == {"old", "new"}


def test_a_recovery_that_is_killed_is_taken_up_again(processes: Processes, home: Path) -> None:
    needs_strace()
    killed = 0
    for call in CHANGING_CALLS:
        for number in range(1, 100):
            make_ready(processes.root, "apply")
            assert processes.run_killed_at("renameat", 2, "apply") == -signal.SIGKILL
            assert tree(processes.root)["a.py"] == AFTER["a.py"]
            assert tree(processes.root)["d/b.py"] == BEFORE["d/b.py"]
            code = processes.run_killed_at(call, number, "log")
            assert mend_and_check(processes.root, home) == "old"
            if code == 0:
                break
            killed += 1
        assert code == 0, "the recovery never got through"
    assert killed > 10
