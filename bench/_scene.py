"""What the daemon's benchmarks share: a replay server in a process of its own, a private daemon, a small workspace."""

import compileall
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AID = Path(sys.executable).parent / "aid"
for package in ("aid", "ces", "trainer"):  # as installed packages are, though Python may be told to write no bytecode
    compileall.compile_dir(Path(__file__).parents[1] / package, quiet=1)

SOURCE = "".join(f"def step_{n}(value):\n    return value + {n}\n\n\n" for n in range(40))
BEFORE, AFTER = "    return value + 7\n", "    return value + 70\n"
_BLOCK = f"<<<<<<< SEARCH\ndef step_7(value):\n{BEFORE}=======\ndef step_7(value):\n{AFTER}>>>>>>> REPLACE"
REPLY = f"calc.py\n```python\n{_BLOCK}\n```\n"
PROMPT = "make step_7 add 70"


@contextlib.contextmanager
def server(folder: Path, line: dict[str, Any] | None = None) -> Iterator[str]:
    """The URL of a server that answers `line` at once, whatever it is asked: without one, REPLY."""
    replies = folder / "replies.jsonl"
    replies.write_text(json.dumps(line or {"match": "", "reply": REPLY}) + "\n")
    argv = [sys.executable, "-m", "aid.models.replay_server", "--replies", str(replies), "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


@contextlib.contextmanager
def daemon(folder: Path, url: str) -> Iterator[dict[str, str]]:
    """The environment of a daemon of its own, started, whose default model is the server at `url`."""
    env = os.environ | {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE", "CACHE")}
    env["XDG_RUNTIME_DIR"] = str(folder / "run")
    (folder / "run").mkdir(mode=0o700)
    config = folder / "config" / "aid"
    config.mkdir(parents=True)
    model = f'[models.bench]\nbackend = "openai"\nbase_url = "{url}"\nmodel = "bench"\n'
    (config / "aid.toml").write_text(f'default_model = "bench"\n{model}')
    subprocess.run([AID, "start"], env=env, check=True, capture_output=True)
    try:
        yield env
    finally:
        subprocess.run([AID, "stop"], env=env, check=False, capture_output=True)


def workspace(folder: Path) -> Path:
    """A git repository of one Python file and no build."""
    folder.mkdir()
    (folder / "calc.py").write_text(SOURCE)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder
