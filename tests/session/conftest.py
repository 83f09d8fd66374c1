"""A host with recorded replies, in a workspace and with directories of its own."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from aid import config
from aid.protocol import PromptParams, PromptResult, UpdateParams
from aid.session.client import OpenDocument
from aid.session.host import Host
from ces.change import FileChange

FILE = "calc.txt"
TEXT = "".join(f"line {n}\n" for n in range(1, 21))
BUILD = "! grep -n broken calc.txt | sed 's/^\\([0-9]*\\):/calc.txt:\\1:1: error: /' | grep ."


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="aid"))
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(directory / name.lower()))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    yield directory
    shutil.rmtree(directory)


class Editor:
    """A client with open documents, which may refuse edits."""

    def __init__(self) -> None:
        self.open: dict[Path, OpenDocument] = {}
        self.updates: list[UpdateParams] = []
        self.edited: list[FileChange] = []
        self.changed_roots: list[Path] = []
        self.refusal: str | None = None
        self.streaming = asyncio.Event()

    def documents(self) -> Mapping[Path, OpenDocument]:
        return self.open

    def update(self, params: UpdateParams) -> None:
        self.updates.append(params)
        if params.kind == "text":
            self.streaming.set()

    def changed(self, root: Path) -> None:
        self.changed_roots.append(root)

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        if self.refusal is None:
            self.edited += changes
        return self.refusal

    async def made_edit(self) -> bool:
        return False


class Scene:
    """A workspace of one file, replies, a host. `build`: the file is green when it says nothing broken."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "work"
        self.root.mkdir()
        (self.root / FILE).write_text(TEXT)
        self.editor = Editor()
        self.now = 1000.0
        self._host: Host | None = None

    def replies(self, *replies: str | dict[str, object]) -> None:
        lines = [reply if isinstance(reply, dict) else {"reply": reply} for reply in replies]
        (self.home / "replies.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def configure(self, toml: str = "", *, build: bool = False, timeout_s: float = 120.0) -> None:
        command = f'[build]\nadapter = "command"\ncommand = ["bash", "-c", {json.dumps(BUILD)}]\n' if build else ""
        if "[verify]" not in toml:
            toml += "[verify]\ncandidates = 1\n"
        model = f'[models.replay]\nbackend = "replay"\npath = "{self.home}/replies.jsonl"\n'
        model += f"timeout_s = {timeout_s}\n"
        folder = self.home / "config" / "aid"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "aid.toml").write_text(f'default_model = "replay"\n{model}{command}{toml}')

    @property
    def host(self) -> Host:
        if self._host is None:
            if not (self.home / "config" / "aid" / "aid.toml").exists():
                self.configure()
            self._host = Host(config.load, clock=lambda: self.now)
            self._host.joined(self.editor)
        return self._host

    async def restart(self) -> None:
        await self.close()
        self._host = None

    async def ask(self, prompt: str = "change line 7", **fields: object) -> PromptResult:
        params = msgspec.convert({"workspace": str(self.root), "prompt": prompt, **fields}, PromptParams)
        return await self.host.prompt(params, self.editor)

    @property
    def text(self) -> str:
        return (self.root / FILE).read_text()

    async def close(self) -> None:
        if self._host is not None:
            await self._host.close()


@pytest.fixture
async def scene(home: Path) -> AsyncIterator[Scene]:
    made = Scene(home)
    yield made
    await made.close()
