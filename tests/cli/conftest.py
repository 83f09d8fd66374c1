"""The real command, a real daemon of its own, a real server with recorded replies."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

AID = Path(sys.executable).parent / "aid"


class Machine:
    """A person's machine: directories of its own, a workspace of one file, `aid` as a command."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "work"
        self.root.mkdir()
        (self.root / ".git").mkdir()
        (self.root / "calc.txt").write_text("".join(f"line {n}\n" for n in range(1, 21)))
        self.env = os.environ | {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE")}
        self.env["XDG_RUNTIME_DIR"] = str(home)
        self.replies({"match": "", "reply": ""})
        folder = home / "config" / "aid"
        folder.mkdir(parents=True)
        model = f'[models.replay]\nbackend = "replay"\npath = "{home}/replies.jsonl"\n'
        (folder / "aid.toml").write_text(f'default_model = "replay"\n{model}')

    def replies(self, *lines: dict[str, object]) -> None:
        (self.home / "replies.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AID, *words], cwd=self.root, env=self.env, input=stdin, capture_output=True, text=True, check=False
        )

    def start(self, *words: str, stdin: str = "") -> subprocess.Popen[str]:
        with tempfile.TemporaryFile("w+") as given:
            given.write(stdin)
            given.seek(0)
            pipes = {"stdin": given, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            return subprocess.Popen([AID, *words], cwd=self.root, env=self.env, text=True, **pipes)

    @property
    def text(self) -> str:
        return (self.root / "calc.txt").read_text()


@pytest.fixture
def machine() -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="aid", dir="/tmp"))
    made = Machine(home)
    yield made
    made.run("stop")
    shutil.rmtree(home)
