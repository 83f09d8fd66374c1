"""kill -9 of the daemon while it writes: the tree is the old one or the new one, and the journal says which."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from aid.apply import history, recover
from aid.client import Client, connect
from aid.errors import AidError
from aid.protocol import AcceptParams, PromptParams, UndoParams, Wire

Machine = Any

KILLS = 60
FILES = [f"part{n}.txt" for n in range(8)]
REPLY = "".join(
    f"{name}\n<<<<<<< SEARCH\n{name} begins\n=======\n{name} changed\n>>>>>>> REPLACE\n\n" for name in FILES
)
OLD = {name: f"{name} begins\n" for name in FILES}
NEW = {name: f"{name} changed\n" for name in FILES}


class Daemons:
    """One at a time, to be killed."""

    def __init__(self, machine: Machine) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("prefork_daemon.py"))],
            env=machine.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> int:
        return int(self._exchange(""))

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert int(self._exchange("wait")) == -signal.SIGKILL

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
def daemons(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemons]:
    for name, value in machine.env.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)
    made = Daemons(machine)
    yield made
    made.close()


def test_a_killed_daemon_leaves_the_old_tree_or_the_new_one(machine: Machine, daemons: Daemons) -> None:
    machine.replies({"match": "", "reply": REPLY})
    (machine.root / "calc.txt").unlink()
    for name, text in OLD.items():
        (machine.root / name).write_text(text)
    root, random, never = str(machine.root), Random(20), threading.Event()
    seen: Counter[tuple[str, str]] = Counter()
    longest_s = {"aid/accept": 0.02, "aid/undo": 0.02}
    amid = 0
    found = OLD
    for _ in range(KILLS):
        pid = daemons.start()
        with connect(start=False) as client:
            params: Wire = UndoParams(workspace=root)
            if found == OLD:
                result = client.call("aid/prompt", PromptParams(workspace=root, prompt="change all"))
                params = AcceptParams(id=result.proposal.id)
            method = "aid/accept" if found == OLD else "aid/undo"
            asking = threading.Thread(target=ask, args=(client, method, params))
            asking.start()
            never.wait(random.uniform(0, longest_s[method]))
            daemons.kill(pid)
            asking.join()
        amid += recover(machine.root) is not None
        before, found = found, tree(machine)
        assert found in (OLD, NEW)
        states = [entry.state for entry in history(machine.root, 1000)]
        assert states.count("applied") == (found == NEW)
        came_through = found != before
        seen[method, "done" if came_through else "undone"] += 1
        longest_s[method] *= 0.9 if came_through else 1.1
    assert len(seen) == 4, seen
    assert amid > KILLS // 10, "too few kills came amid a write"


def ask(client: Client, method: str, params: Wire) -> None:
    with contextlib.suppress(AidError):  # it was killed
        client.call(method, params)


def tree(machine: Machine) -> dict[str, str]:
    return {path.name: path.read_text() for path in machine.root.iterdir() if path.is_file()}
