"""The Emacs plugin in Emacs 28 and 30, in batch: each ERT test has a workspace, a played model and a daemon of its own.

A test in *-tests.el says what the model plays and what of the daemon it needs by `aid-test-*` (support.el), which asks
back here over its standard output; what it prints is shown where it fails.
"""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLUGIN = ROOT / "plugins" / "emacs"
ASKED = "@aid "
pytestmark = pytest.mark.ocaml
NAMED = re.compile(r"^\(aid-deftest (\S+)", re.M)
TESTS = [(file.name, name) for file in sorted(HERE.glob("*-tests.el")) for name in NAMED.findall(file.read_text())]


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[name for _, name in TESTS])
def test_in_emacs(emacs: str, shop: Any, scenery: Any, file: str, name: str) -> None:
    run(emacs, shop, scenery, file, name, shop.env | {"AID_TEST_ROOT": str(shop.root)})


def test_on_another_host(emacs: str, shop: Any, scenery: Any, other_host: Path) -> None:
    env = shop.env | {"PATH": f"{other_host}:{shop.env['PATH']}", "AID_TEST_ROOT": "/ssh:other:/mnt/work/"}
    run(emacs, shop, scenery, "other-host.el", "aid-other-host-has-the-daemon", env)


def run(emacs: str, shop: Any, scenery: Any, file: str, name: str, env: dict[str, str]) -> None:
    words = [emacs, "-Q", "--batch", "-L", str(PLUGIN), "-L", str(HERE), "-l", str(HERE / "support.el")]
    words += ["-l", str(HERE / file), "--eval", f"(aid-test-run '{name})"]
    said: list[str] = []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(words, cwd=shop.root, env=env, text=True, **pipes) as running:
        assert running.stdout is not None and running.stdin is not None
        for line in running.stdout:
            if line.startswith(ASKED):
                answer = _asked(shop, scenery.RENAME, *json.loads(line.removeprefix(ASKED)))
                running.stdin.write(json.dumps(answer) + "\n")
                running.stdin.flush()
            else:
                said.append(line)
    assert running.returncode == 0, "".join(said)


def _asked(shop: Any, rename: str, what: str, *given: Any) -> Any:
    match what:
        case "replies":
            shop.replies(*(_line(each, rename) for each in given))
        case "release":
            shop.release(*given)
        case "stats":
            return shop.model_stats(**given[0])
        case "aid":
            return shop.aid(*given).stdout
        case "kill":
            os.kill(shop.daemon_pid(), signal.SIGKILL)
        case _:
            raise AssertionError(f"a test asked for {what}")
    return None


def _line(told: dict[str, Any], whole: str) -> dict[str, Any]:
    """A line of the model's, with RENAME for its name, and HELD for the same with a pause that `release` ends."""
    held = [{"text": whole[:30]}, {"wait": "go"}, {"text": whole[30:]}]
    match told.pop("reply", None):
        case "RENAME":
            return told | {"reply": whole}
        case "HELD":
            return told | {"pieces": held}
        case reply:
            return told if reply is None else told | {"reply": reply}
