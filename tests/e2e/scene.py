"""A person's machine for tests of editors: a dune workspace under git, a model behind a real HTTP server, a daemon.

The model plays what the test writes, and holds an answer back where it says `{"wait": NAME}` until `release(NAME)`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

AID = Path(sys.executable).parent / "aid"
SHOP = {
    "dune-project": "(lang dune 2.9)\n",
    "lib/dune": "(library (name shop))\n",
    "lib/price.ml": "type t = { cents : int }\n\nlet of_cents cents = { cents }\n"
    "\nlet double price = { cents = price.cents * 2 }\n",
    "lib/basket.ml": "let total prices = List.fold_left (fun sum price -> sum + price.Price.cents) 0 prices\n",
    "bin/dune": "(executable (name main) (libraries shop))\n",
    "bin/main.ml": "let () = print_int (Shop.Basket.total [ Shop.Price.double (Shop.Price.of_cents 5) ])\n",
}
# A field renamed everywhere: two files, three hunks' worth of lines, green.
RENAME = """I rename `cents` to `amount`.

lib/price.ml
<<<<<<< SEARCH
type t = { cents : int }

let of_cents cents = { cents }

let double price = { cents = price.cents * 2 }
=======
type t = { amount : int }

let of_cents amount = { amount }

let double price = { amount = price.amount * 2 }
>>>>>>> REPLACE

lib/basket.ml
<<<<<<< SEARCH
let total prices = List.fold_left (fun sum price -> sum + price.Price.cents) 0 prices
=======
let total prices = List.fold_left (fun sum price -> sum + price.Price.amount) 0 prices
>>>>>>> REPLACE
"""


class Scene:
    """`env` is what an editor is started with: `aid` on PATH, directories of its own, a home without configuration."""

    def __init__(self, home: Path, files: dict[str, str]) -> None:
        self.home = home
        self.root = home / "work"
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        self.env = os.environ | {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE")}
        self.env |= {"XDG_RUNTIME_DIR": str(home), "HOME": str(home), "PATH": f"{AID.parent}:{os.environ['PATH']}"}
        self.env |= {"GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C.UTF-8"}
        for words in (
            ("init", "-q"),
            ("add", "-A"),
            ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"),
        ):
            subprocess.run(["git", *words], cwd=self.root, env=self.env, check=True)
        self._model: subprocess.Popen[str] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.aid("stop")
        self._end_model()

    def replies(self, *lines: dict[str, Any]) -> None:
        """What the model answers from now on (see `aid.models.recording`), on the same port as before."""
        file = self.home / "replies.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self._end_model()
        words = [sys.executable, "-m", "aid.models.replay_server", "--replies", str(file), "--port", str(self._port)]
        self._model = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._model.stdout is not None
        self._port = int(self._model.stdout.readline())
        folder = self.home / "config" / "aid"
        folder.mkdir(parents=True, exist_ok=True)
        served = (
            f'[models.played]\nbackend = "openai"\nbase_url = "http://127.0.0.1:{self._port}/v1"\nmodel = "replay"\n'
        )
        (folder / "aid.toml").write_text(
            f'default_model = "played"\n{served}\n[verify]\ncandidates = 1\nhints = false\n'
        )

    def release(self, name: str) -> None:
        """Let answers past their `{"wait": name}`."""
        self._ask("/release", json.dumps({"name": name}).encode())

    def model_stats(self, **counts: int) -> dict[str, int]:
        """The model's counters; with counts (requests=2), as soon as they are reached."""
        query = "&".join(f"{name}={count}" for name, count in counts.items())
        found: dict[str, int] = json.loads(self._ask(f"/stats?{query}"))
        return found

    def aid(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AID, *words], cwd=self.root, env=self.env, input=stdin, capture_output=True, text=True, check=False
        )

    def daemon_pid(self) -> int:
        return int(json.loads(self.aid("status", "--json").stdout)["pid"])

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data=body)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            said: bytes = answer.read()
            return said

    def _end_model(self) -> None:
        if self._model is not None:
            self._model.terminate()
            with self._model:
                pass
            self._model = None


@contextmanager
def scene(files: dict[str, str] = SHOP) -> Iterator[Scene]:
    """A machine with `files` committed in its workspace; everything of it ends with the block."""
    home = Path(tempfile.mkdtemp(prefix="aid", dir="/tmp"))
    try:
        with Scene(home, files) as made:
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)
