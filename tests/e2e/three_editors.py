"""Emacs in a terminal, Neovim, and VS Code in a browser at one daemon, each with AID's chat open, asked by keys.

For the test beside this file and for bench/hot_redeploy.py. Each is another `aid connect`.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Protocol

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def _module(name: str, file: Path) -> Any:
    """Tests are no package."""
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Editor(Protocol):
    name: str

    def ask(self, prompt: str) -> None:
        """Type it in the chat and send it, once the answer before is complete: its text is shown earlier."""
        ...

    def shows(self, text: str) -> None:
        """Wait until the chat holds the text."""
        ...

    def chat(self) -> str:
        """All that the chat holds."""
        ...

    def told(self) -> list[str]:
        """What the person was told beside the chat: in the echo area, as messages, as notifications."""
        ...


class Emacs:
    name = "Emacs"

    def __init__(self, terminal: Any, scene: Any) -> None:
        self._terminal = terminal
        self._words = ["emacsclient", "-s", str(scene.home / "emacs" / "server"), "--eval"]
        self._env = scene.env
        terminal.shows("AID:")
        terminal.keys("C-c", ",", "c")
        terminal.shows("(Chat AID")

    def ask(self, prompt: str) -> None:
        while self._eval("(if (aid-asked-from (window-buffer)) 1 0)") != 0:
            pass
        self._terminal.keys(prompt, "C-c", "C-c")

    def shows(self, text: str) -> None:
        self._terminal.shows(text)

    def chat(self) -> str:
        return str(json.loads(self._eval("(json-encode (with-current-buffer (window-buffer) (buffer-string)))")))

    def told(self) -> list[str]:
        said = json.loads(self._eval("(json-encode (with-current-buffer (messages-buffer) (buffer-string)))"))
        return str(said).split("\n")

    def _eval(self, code: str) -> Any:
        """The value of an elisp expression that is a string or a number."""
        said = subprocess.run([*self._words, code], env=self._env, check=True, capture_output=True, text=True)
        return json.loads(said.stdout)


class Neovim:
    name = "Neovim"

    def __init__(self, nvim: Any) -> None:
        self._nvim = nvim
        nvim.keys(":AidChat<CR>")
        nvim.until("vim.bo.filetype == 'markdown'")

    def ask(self, prompt: str) -> None:
        self._nvim.until("not require('aid').statusline():match('asking')")
        self._nvim.keys(f"Go{prompt}<Esc><CR>")

    def shows(self, text: str) -> None:
        self._nvim.until_text(text)

    def chat(self) -> str:
        return str(self._nvim.text())

    def told(self) -> list[str]:
        return str(self._nvim.messages()).split("\n")


class Code:
    name = "VS Code"

    def __init__(self, code: Any) -> None:
        self._code = code
        code.do("until", ".gettingStarted", "Get started with AID")
        code.do("command", "AID: Ask")
        code.do("chatUntil", "#prompt")

    def ask(self, prompt: str) -> None:
        self._code.do("chatGone", "article[aria-busy=true]")
        self._code.do("ask", prompt)

    def shows(self, text: str) -> None:
        self._code.do("chatUntil", ".markdown", text)

    def chat(self) -> str:
        return "\n".join(self._code.do("chatAll", ".markdown"))

    def told(self) -> list[str]:
        return list(self._code.do("all", ".notification-list-item-message"))


def missing() -> str | None:
    """What of the editors isn't there; None: all are."""
    for name in ("emacs", "nvim"):
        if _folder(name) is None:
            return f"{name} is not there: run scripts/editors {name}"
    for program in ("tmux", "emacsclient", "dune"):
        if shutil.which(program) is None:
            return f"{program} is not there"
    found = _module("three_code_server", HERE / "vscode" / "code_server.py").tools()
    return found if isinstance(found, str) else None


@contextmanager
def three_editors(scene: Any, wait_s: int = 60) -> Iterator[list[Editor]]:
    """Started in the scene's workspace; all of them end with the block. What is to show must show in `wait_s`."""
    terminals = _module("three_terminal", HERE / "emacs" / "test_terminal.py")
    drivers = _module("three_driver", HERE / "nvim" / "driver.py")
    code_server = _module("three_code_server", HERE / "vscode" / "code_server.py")
    terminals.WAIT_S, drivers.WAIT_MS, code_server.WAIT_S = wait_s, wait_s * 1000, wait_s
    (scene.home / "vsix").mkdir()
    tools = code_server.tools()
    extensions = code_server.extensions(tools, code_server.package(tools, scene.home / "vsix"))
    with ExitStack() as stack:
        terminal = terminals.Terminal(f"{_folder('emacs')}/emacs-30", scene)
        with (scene.home / "setup.el").open("a") as setup:
            setup.write(f'(setq server-socket-dir "{scene.home}/emacs")\n(server-start)\n')
        emacs = Emacs(stack.enter_context(terminal), scene)
        words = (f"{_folder('nvim')}/nvim", scene.env, scene.root, "-c", "edit lib/price.ml")
        neovim = Neovim(stack.enter_context(drivers.Nvim(*words)))
        code = Code(stack.enter_context(code_server.Code(tools, extensions, scene.root, scene.env)))
        yield [emacs, neovim, code]


def bridges(scene: Any) -> set[int]:
    """The processes that are `aid connect` of the scene's editors."""
    home = f"XDG_RUNTIME_DIR={scene.home}".encode()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"connect" in words[1:4] and home in (process / "environ").read_bytes().split(b"\0"):
                found.add(int(process.name))
        except OSError:
            continue
    return found


def _folder(name: str) -> str | None:
    asked = [str(ROOT / "scripts" / "editors"), "--find", name]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or None
