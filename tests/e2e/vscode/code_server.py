"""A real VS Code (code-server) with the extension installed from its package, in a real browser."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SHOTS = ROOT / "build"
WAIT_S = 60
CACHE = Path(os.environ.get("AID_DEV_CACHE") or Path.home() / ".cache/aid-dev")
AID = Path(sys.executable).parent / "aid"
FLAGS = (
    *("--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check"),
    *("--disable-workspace-trust", "--disable-getting-started-override"),
)
SETTINGS = {
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "files.autoSave": "off",
    "editor.minimap.enabled": False,
    "window.autoDetectColorScheme": False,
    "workbench.colorTheme": "Dark Modern",
    "editor.occurrencesHighlight": "off",
    "editor.autoIndent": "none",
    "editor.quickSuggestions": False,  # what a test types is what is to stand there
    "editor.acceptSuggestionOnEnter": "off",
    "editor.autoClosingBrackets": "never",
    "extensions.ignoreRecommendations": True,
    "git.enabled": False,
}


def tools() -> dict[str, str] | str:
    """Where each program that is needed lies, or what is missing."""
    core = sorted(CACHE.glob("playwright-core-*/node_modules/playwright-core"))
    editors = _said("scripts/editors", "--find", "vscode")
    packages = _said("scripts/vscode_packages", "--find")
    chromium, node = shutil.which("chromium"), shutil.which("node")
    if not (core and packages and chromium and node):
        return "needs chromium, node, playwright-core and npm packages: 'scripts/setup test' installs them"
    if editors is None:
        return "needs VS Code: 'scripts/editors vscode' installs it"
    found = {"aid": str(AID), "chromium": chromium, "playwright": str(core[-1]), "packages": packages}
    return found | {"code-server": f"{editors}/code-server"}


def package(tools: dict[str, str], folder: Path) -> Path:
    """The .vsix, checked and packed in a copy: nothing is written into the checkout."""
    copy = folder / "extension"
    shutil.copytree(ROOT / "plugins/vscode", copy, ignore=shutil.ignore_patterns("node_modules", "out", "*.vsix"))
    (copy / "node_modules").symlink_to(Path(tools["packages"]) / "node_modules")
    env = os.environ | {"AID_LICENSE": str(ROOT / "LICENSE")}
    for script in ("check", "package"):
        done = subprocess.run(["npm", "run", script], cwd=copy, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr
    return copy / "aid.vsix"


def extensions(tools: dict[str, str], package: Path) -> Path:
    """The folder in which the package is installed, beside it."""
    home = package.parent.parent
    words = [tools["code-server"], "--install-extension", str(package), "--extensions-dir", str(home / "extensions")]
    words += ["--user-data-dir", str(home / "data"), "--config", str(home / "config.yaml")]
    done = subprocess.run(words, env=os.environ | {"HOME": str(home)}, capture_output=True, text=True, check=False)
    assert "successfully installed" in done.stdout, done.stdout + done.stderr
    return home / "extensions"


def _said(*words: str) -> str | None:
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


class Code:
    """Its own settings and state lie in `home`; `env` says where `aid` is. Operations: see driver.mjs."""

    def __init__(
        self, tools: dict[str, str], extensions: Path, root: Path, env: dict[str, str], **settings: Any
    ) -> None:
        self._tools = tools
        self._home = root.parent / "code"
        self._root = root
        self._env = env
        self._extensions = extensions
        # What is run is a setting of the machine. VS Code goes by the login shell's PATH: no `aid` there in a test.
        machine = {"aid.command": [tools["aid"], "connect"]}
        for scope, given in (("User", SETTINGS | settings), ("Machine", machine)):
            (self._home / scope).mkdir(parents=True)
            (self._home / scope / "settings.json").write_text(json.dumps(given))
        SHOTS.mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        words = [self._tools["code-server"], *FLAGS, "--user-data-dir", str(self._home)]
        words += ["--extensions-dir", str(self._extensions), "--config", str(self._home / "config.yaml")]
        self._log = (self._home / "log").open("w")
        self._server = subprocess.Popen(
            [*words, str(self._root)],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        assert self._server.stdout is not None
        for line in self._server.stdout:
            if found := re.search(r"listening on (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise AssertionError((self._home / "log").read_text())
        threading.Thread(target=self._server.stdout.read, daemon=True).start()  # or it would wait for a reader
        url = f"{found[1]}/?folder={self._root}"
        self._driver = subprocess.Popen(
            ["node", str(HERE / "driver.mjs"), self._tools["chromium"], url],
            env=os.environ
            | {"PLAYWRIGHT": self._tools["playwright"], "SHOTS": str(SHOTS), "TIMEOUT_MS": str(WAIT_S * 1000)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.do("open")
        return self

    def __exit__(self, *_: object) -> None:
        with self._driver:
            assert self._driver.stdin is not None
            self._driver.stdin.close()
        with self._server:
            os.killpg(self._server.pid, signal.SIGTERM)
        self._log.close()

    def do(self, operation: str, *given: Any) -> Any:
        assert self._driver.stdin is not None and self._driver.stdout is not None
        print(json.dumps([operation, *given]), file=self._driver.stdin, flush=True)
        line = self._driver.stdout.readline()
        said = json.loads(line) if line else {"error": "the browser's driver ended"}
        assert "error" not in said, f"{operation} {given}: {said['error']}"
        return said["is"]
