"""A person's machine for tests of the bridge: real daemons, a model that plays recordings, editors at `aid connect`.

    async with World(private, recordings) as world: …

What the model replies is the test's to hold and release, whichever daemon asks.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from aid import lifecycle
from aid.models.recording import Recording, Recordings
from aid.models.replay_server import ReplayServer

AID = str(Path(sys.executable).with_name("aid"))
BEFORE = "def area(r):\n    return 3 * r * r\n"
BLOCK = "<<<<<<< SEARCH\n    return 3 * r * r\n=======\n    return 3.14 * r * r\n>>>>>>> REPLACE"
REPLY = f"shape.py\n```python\n{BLOCK}\n```\n"
MISPLACED = REPLY.replace("    return 3 * r * r", "    no such line\n    nor this")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class World:
    """`Peer` is that of peer.py, which speaks for an editor here."""

    def __init__(self, private: Path, peer: type[Any], recordings: Sequence[Recording]) -> None:
        self.private = private
        self.workspace = private / "w"
        self.environment = {**os.environ, "PYTHONWARNINGS": "error"}
        self.server = ReplayServer(Recordings(recordings))
        self._peer = peer
        self._bridges: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        self.workspace.mkdir()
        (self.workspace / "shape.py").write_text(BEFORE)
        await self.server.__aenter__()
        self.configure()
        return self

    async def __aexit__(self, *raised: object) -> None:
        for process in self._bridges:
            if process.returncode is None:
                process.kill()
            await process.wait()
        owner = lifecycle.holder()
        if owner is not None and owner.pid:
            lifecycle.end(owner.pid, 5.0)
        await self.server.__aexit__(*raised)

    def configure(self, text: str | None = None) -> None:
        folder = self.private / "config" / "aid"
        folder.mkdir(mode=0o700, exist_ok=True)
        model = f'[models.m]\nbackend = "openai"\nbase_url = "{self.server.url}"\nmodel = "m"\n'
        (folder / "aid.toml").write_text(f'default_model = "m"\n{model}' if text is None else text)

    async def connect(self) -> Any:
        """An editor: a Peer with its bridge's `process`."""
        process = await asyncio.create_subprocess_exec(
            AID, "connect", env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24
        )
        self._bridges.append(process)
        editor = self._peer(process.stdout, process.stdin)
        editor.process = process
        return editor

    async def editor(self, **capabilities: Any) -> Any:
        """One that has said `initialize`, and takes edits."""
        editor = await self.connect()
        edits = {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}
        params = {
            "processId": None,
            "rootUri": self.workspace.as_uri(),
            "capabilities": {"workspace": edits} | capabilities,
            "initializationOptions": {"diagnostics": False},
        }
        assert "result" in await editor.call("initialize", params)
        editor.tell("initialized")
        return editor

    async def aid(self, *arguments: str) -> str:
        ran = await self.run(*arguments)
        assert ran.code == 0, (arguments, ran)
        return ran.out

    async def run(self, *arguments: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            AID, *arguments, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())

    @property
    def daemon(self) -> int:
        """Its pid; 0: there is none."""
        owner = lifecycle.holder()
        return owner.pid if owner is not None else 0

    def kill_daemon(self) -> None:
        pid = self.daemon
        os.kill(pid, signal.SIGKILL)
        assert lifecycle.wait_ended(pid, 10.0)

    def prompt(self, words: str, **more: Any) -> dict[str, Any]:
        return {"workspace": str(self.workspace), "prompt": words} | more

    def prompts_seen(self) -> list[str]:
        """What the model was asked, whole, in order."""
        return [msgspec.json.encode(each.body["messages"]).decode() for each in self.server.seen]


def updates(heard: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """The kinds and texts of the `aid/update`s among messages, without those that say where the context is from."""
    params = [each["params"] for each in heard if each.get("method") == "aid/update"]
    return [(each["kind"], each.get("text", "")) for each in params if each["kind"] != "sources"]
