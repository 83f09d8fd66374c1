"""The extension, checked and packed once, and installed where the tests' VS Code looks for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CACHE = Path(os.environ.get("AID_DEV_CACHE") or Path.home() / ".cache/aid-dev")


def _module(name: str, file: Path) -> Any:
    """Tests are no package."""
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCENE = _module("vscode_scene", HERE.parent / "scene.py")
CODE_SERVER = _module("vscode_code_server", HERE / "code_server.py")


def _said(*words: str) -> str | None:
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """Where each program that is needed lies."""
    core = sorted(CACHE.glob("playwright-core-*/node_modules/playwright-core"))
    editors = _said("scripts/editors", "--find", "vscode")
    packages = _said("scripts/vscode_packages", "--find")
    chromium, node = shutil.which("chromium"), shutil.which("node")
    if not (core and packages and chromium and node):
        pytest.skip("needs chromium, node, playwright-core and npm packages: 'scripts/setup test' installs them")
    if editors is None:
        pytest.skip("needs VS Code: 'scripts/editors vscode' installs it")
    found = {"aid": str(SCENE.AID), "chromium": chromium, "playwright": str(core[-1]), "packages": packages}
    return found | {"code-server": f"{editors}/code-server"}


@pytest.fixture(scope="session")
def package(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .vsix, from a copy: nothing is written into the checkout."""
    copy = tmp_path_factory.mktemp("vscode") / "extension"
    shutil.copytree(ROOT / "plugins/vscode", copy, ignore=shutil.ignore_patterns("node_modules", "out", "*.vsix"))
    (copy / "node_modules").symlink_to(Path(tools["packages"]) / "node_modules")
    env = os.environ | {"AID_LICENSE": str(ROOT / "LICENSE")}
    for script in ("check", "package"):
        done = subprocess.run(["npm", "run", script], cwd=copy, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr
    return copy / "aid.vsix"


@pytest.fixture(scope="session")
def extensions(tools: dict[str, str], package: Path) -> Path:
    home = package.parent.parent
    words = [tools["code-server"], "--install-extension", str(package), "--extensions-dir", str(home / "extensions")]
    words += ["--user-data-dir", str(home / "data"), "--config", str(home / "config.yaml")]
    done = subprocess.run(words, env=os.environ | {"HOME": str(home)}, capture_output=True, text=True, check=False)
    assert "successfully installed" in done.stdout, done.stdout + done.stderr
    return home / "extensions"


@pytest.fixture
def opened(tools: dict[str, str], extensions: Path) -> Callable[..., Any]:
    """(machine, settings...) -> VS Code with its workspace open, as a context manager."""
    return lambda machine, **settings: CODE_SERVER.Code(tools, extensions, machine.root, machine.env, **settings)


NUMBERS = "\n".join(["let first = 1", "", *(f"let {name} = 0" for name in "abcdefg"), "", "let last = 2", ""])


@pytest.fixture
def shop() -> Iterator[Any]:
    """A workspace with lib/numbers.ml, whose first and last lines are far apart."""
    with SCENE.scene(SCENE.SHOP | {"lib/numbers.ml": NUMBERS}) as made:
        yield made
