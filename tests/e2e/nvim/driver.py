"""A real Neovim, driven from outside by keys and by questions over its own socket."""

import json
import subprocess
from pathlib import Path
from typing import Any, Self

PLUGIN = Path(__file__).parents[3] / "plugins" / "nvim"
WAIT_MS = 30_000


class Nvim:
    """Started with the plugin as a plain package and nothing of the person's configuration."""

    def __init__(self, program: str, env: dict[str, str], cwd: Path, *, plugin: bool = True) -> None:
        self._program = program
        self._socket = cwd.parent / "nvim.sock"
        self._env = env | {"NVIM_LOG_FILE": str(cwd.parent / "nvim.log")}
        words = [program, "--clean", "--headless", "--listen", str(self._socket), "-i", "NONE"]
        words += ["--cmd", "let g:loaded_python3_provider = 0"]
        words += ["--cmd", f"set runtimepath^={PLUGIN}"] if plugin else []
        self._process = subprocess.Popen(words, cwd=cwd, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._cwd = cwd

    def __enter__(self) -> Self:
        while not self._socket.exists() and self._process.poll() is None:
            self._process.poll()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def lua(self, code: str) -> Any:
        """What a function with this body returns."""
        wrapped = f"vim.json.encode({{ (function() {code} end)() }})"
        expression = f"luaeval({json.dumps(wrapped)})"
        words = [self._program, "--server", str(self._socket), "--remote-expr", expression]
        said = subprocess.run(words, cwd=self._cwd, env=self._env, capture_output=True, text=True, check=False)
        assert said.returncode == 0 and said.stdout.startswith(("[", "{")), said.stdout + said.stderr
        found = json.loads(said.stdout)
        return found[0] if found else None

    def keys(self, typed: str) -> None:
        """Typed as a person would, in `<C-s>` notation."""
        words = [self._program, "--server", str(self._socket), "--remote-send", typed]
        subprocess.run(words, cwd=self._cwd, env=self._env, check=True)

    def until(self, condition: str) -> None:
        """Wait in the editor's own event loop until the Lua expression holds."""
        held = self.lua(f"return vim.wait({WAIT_MS}, function() return {condition} end, 10)")
        assert held, f"never: {condition}\n{self.messages()}\n{self.screen()}"

    def buffer(self, name: str = "") -> list[str]:
        """The lines of the current buffer, or of the one whose name ends so."""
        which = f"vim.fn.bufnr({json.dumps(name + '$')})" if name else "0"
        lines: list[str] = self.lua(f"return vim.api.nvim_buf_get_lines({which}, 0, -1, false)")
        return lines

    def messages(self) -> str:
        return str(self.lua("return vim.fn.execute('messages')"))

    def screen(self) -> str:
        return "\n".join(self.buffer())
