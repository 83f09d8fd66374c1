"""The Emacs plugin in Emacs 28 and 30, in batch: each ERT test has a workspace, a played model and a daemon of its own.

A test in *-tests.el says what the model plays and what of the daemon it needs by `aid-test-*` (support.el), which asks
back here over its standard output; what it prints is shown where it fails.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLUGIN = ROOT / "plugins" / "emacs"
ASKED = "@aid "
pytestmark = [pytest.mark.ocaml, pytest.mark.skipif(shutil.which("dune") is None, reason="dune is not there")]
NAMED = re.compile(r"^\(aid-deftest (\S+)", re.M)
TESTS = [(file.name, name) for file in sorted(HERE.glob("*-tests.el")) for name in NAMED.findall(file.read_text())]


def _scene_module() -> Any:
    """The file scene.py beside this folder: tests are no package."""
    spec = spec_from_file_location("emacs_scene", HERE.parent / "scene.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCENE = _scene_module()


@pytest.fixture(params=["emacs", "emacs-30"])
def emacs(request: pytest.FixtureRequest) -> str:
    asked = [str(ROOT / "scripts" / "editors"), "--find", "emacs"]
    folder = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    found = shutil.which(request.param, path=folder) if folder else None
    if found is None:
        pytest.skip(f"{request.param} is not there: run scripts/editors emacs")
    return found


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[name for _, name in TESTS])
def test_in_emacs(emacs: str, file: str, name: str) -> None:
    with SCENE.scene() as shop:
        words = [emacs, "-Q", "--batch", "-L", str(PLUGIN), "-L", str(HERE), "-l", str(HERE / "support.el")]
        words += ["-l", str(HERE / file), "--eval", f"(aid-test-run '{name})"]
        env = shop.env | {"AID_TEST_ROOT": str(shop.root)}
        said: list[str] = []
        with subprocess.Popen(
            words, cwd=shop.root, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as running:
            assert running.stdout is not None and running.stdin is not None
            for line in running.stdout:
                if line.startswith(ASKED):
                    answer = _asked(shop, *json.loads(line.removeprefix(ASKED)))
                    running.stdin.write(json.dumps(answer) + "\n")
                    running.stdin.flush()
                else:
                    said.append(line)
        assert running.returncode == 0, "".join(said)


def _asked(shop: Any, what: str, *given: Any) -> Any:
    match what:
        case "replies":
            shop.replies(*(_line(each) for each in given))
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


def _line(told: dict[str, Any]) -> dict[str, Any]:
    """A line of the model's, with RENAME for its name, and HELD for the same with a pause that `release` ends."""
    whole = SCENE.RENAME
    held = [{"text": whole[:30]}, {"wait": "go"}, {"text": whole[30:]}]
    match told.pop("reply", None):
        case "RENAME":
            return told | {"reply": whole}
        case "HELD":
            return told | {"pieces": held}
        case reply:
            return told if reply is None else told | {"reply": reply}
