"""Proposals and chats outlive the daemon, whether it was stopped or killed: the real one, over its socket."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aid.client import connect
from aid.protocol import AcceptParams, ChatParams, ChatsParams, Hunk, PromptParams, ProposalsParams

Machine = Any

REPLY = "".join(f"calc.txt\n<<<<<<< SEARCH\nline {n}\n=======\nLINE {n}\n>>>>>>> REPLACE\n\n" for n in (2, 18))


def stop(machine: Machine) -> None:
    assert machine.run("stop").returncode == 0


def kill(machine: Machine) -> None:
    os.kill(json.loads(machine.run("status", "--json").stdout)["pid"], signal.SIGKILL)


@pytest.mark.parametrize("end", [stop, kill])
def test_they_come_back_with_what_was_accepted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, end: Callable[[Machine], None]
) -> None:
    for name, value in machine.env.items():
        if name.startswith("XDG_"):
            monkeypatch.setenv(name, value)
    machine.replies({"match": "", "reply": REPLY}, {"match": "", "reply": REPLY})
    root = str(machine.root)
    assert machine.run("start").returncode == 0
    with connect(start=False) as client:
        result = client.call("aid/prompt", PromptParams(workspace=root, prompt="shout", chat="c"))
        later = client.call("aid/prompt", PromptParams(workspace=root, prompt="shout again", chat="c"))
        second = Hunk(path="calc.txt", index=1)
        client.call("aid/accept", AcceptParams(id=result.proposal.id, hunks=(second,)))
    end(machine)
    (machine.root / "calc.txt").write_text("above\n" + machine.text)
    assert machine.run("start").returncode == 0
    with connect(start=False) as client:
        found = client.call("aid/proposals", ProposalsParams(workspace=root)).proposals
        assert [(each.id, each.state) for each in found] == [
            (later.proposal.id, "open"),
            (result.proposal.id, "partly"),
        ]
        assert [hunk.accepted for hunk in found[1].files[0].hunks] == [False, True]
        turns = client.call("aid/chat", ChatParams(workspace=root, chat="c")).turns
        assert [(each.prompt, each.text, each.proposal) for each in turns] == [
            ("shout", REPLY, result.proposal.id),
            ("shout again", REPLY, later.proposal.id),
        ]
        (entry,) = client.call("aid/chats", ChatsParams(workspace=root)).chats
        assert (entry.chat, entry.title, entry.turns) == ("c", "shout", 2)
        done = client.call("aid/accept", AcceptParams(id=result.proposal.id))
        assert done.applied and not done.refused
        assert machine.text.startswith("above\nline 1\nLINE 2\n") and "LINE 18\n" in machine.text
        refused = client.call("aid/accept", AcceptParams(id=later.proposal.id))
        client.call("aid/forgetChat", ChatParams(workspace=root, chat="c"))
        assert client.call("aid/chats", ChatsParams(workspace=root)).chats == ()
    assert refused.applied is None, refused
    private = machine.home / "state" / "aid" / "sessions.db"
    assert Path(private).stat().st_mode & 0o777 == 0o600
