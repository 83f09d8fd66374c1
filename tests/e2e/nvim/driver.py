"""A real Neovim, driven from outside by keys and by questions over its own socket; in a terminal or without one."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Self

PLUGIN = Path(__file__).parents[3] / "plugins" / "nvim"
WAIT_MS = 40_000
SIZE = (100, 30)
MOST_LOOKS = 2_000  # a look takes some 10 ms


class Nvim:
    """Started with the plugin as a plain package and nothing of the person's configuration."""

    def __init__(self, program: str, env: dict[str, str], cwd: Path, *words: str) -> None:
        self._program = program
        self._socket = cwd.parent / "nvim.sock"
        self._env = env | {"NVIM_LOG_FILE": str(cwd.parent / "nvim.log"), "TERM": "xterm-256color"}
        self._cwd = cwd
        self._words = [program, "--clean", "--listen", str(self._socket), "-i", "NONE"]
        self._words += ["--cmd", "let g:loaded_python3_provider = 0", "--cmd", f"set runtimepath^={PLUGIN}", *words]

    def __enter__(self) -> Self:
        self._start()
        while self._ask("v:vim_did_enter").stdout.strip() != "1":
            pass  # it listens before it has read its arguments
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        words = [*self._words, "--headless"]
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(words, cwd=self._cwd, env=self._env, stdin=null, stdout=null, stderr=null)

    def lua(self, code: str) -> Any:
        """What a function with this body returns."""
        wrapped = f"vim.json.encode({{ (function() {code} end)() }})"
        expression = f"luaeval({json.dumps(wrapped)})"
        said = self._ask(expression)
        assert said.returncode == 0 and said.stdout.startswith(("[", "{")), said.stdout + said.stderr
        found = json.loads(said.stdout)
        return found[0] if found else None

    def _ask(self, expression: str) -> subprocess.CompletedProcess[str]:
        words = [self._program, "--server", str(self._socket), "--remote-expr", expression]
        return subprocess.run(words, cwd=self._cwd, env=self._env, capture_output=True, text=True, check=False)

    def keys(self, typed: str) -> None:
        """Typed as a person would, in `<C-s>` notation."""
        words = [self._program, "--server", str(self._socket), "--remote-send", typed]
        subprocess.run(words, cwd=self._cwd, env=self._env, check=True)

    def until(self, condition: str) -> None:
        """Wait until the Lua expression holds: looked at every 10 ms between what else the editor does."""
        told = self._cwd.parent / "told"
        told.unlink(missing_ok=True)
        os.mkfifo(told)
        self.lua(f"""
          local timer, left = vim.uv.new_timer(), {WAIT_MS} / 10
          local function look()
            local ran, held = pcall(function() return {condition} end)
            left = left - 1
            if not timer:is_closing() and (ran and held or left < 0) then
              timer:close()
              vim.fn.writefile({{ ran and held and "held" or "never" }}, "{told}")
            end
          end
          timer:start(0, 10, vim.schedule_wrap(look))""")
        held = told.read_text().strip()
        assert held == "held", f"never: {condition}\n{self.messages()}\n{self.text()}"

    def until_said(self, words: str) -> None:
        self.until(f"vim.fn.execute('messages'):find({json.dumps(words)}, 1, true)")

    def until_text(self, words: str) -> None:
        """Until the current buffer holds the words."""
        text = "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')"
        self.until(f"{text}:find({json.dumps(words)}, 1, true)")

    def text(self, name: str = "") -> str:
        """The current buffer, or the one whose name ends so; "" where there is none."""
        code = f"""
          for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
            local wanted = vim.endswith(vim.api.nvim_buf_get_name(buffer), {json.dumps(name)})
            if {"wanted" if name else "buffer == vim.fn.bufnr()"} then
              return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
            end
          end
          return {{}}"""
        return "\n".join(self.lua(code))

    def messages(self) -> str:
        return str(self.lua("return vim.fn.execute('messages')")).strip()

    def eval(self, expression: str) -> Any:
        """The value of a Lua expression."""
        return self.lua(f"return {expression}")


class TerminalNvim(Nvim):
    """In a terminal of its own, by a tmux server of its own; `screen` is what a person would see."""

    def _start(self) -> None:
        self._tmux_words = ["tmux", "-S", str(self._cwd.parent / "tmux.sock"), "-f", "/dev/null"]
        width, height = SIZE
        self._tmux("new-session", "-d", "-x", str(width), "-y", str(height), *self._words)

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")

    def type(self, *keys: str) -> None:
        """Keys by tmux's names, one after the other: "Enter", "C-s", or text."""
        self._tmux("send-keys", *keys)

    def screen(self, shows: str) -> str:
        """The screen, once it shows that."""
        for _ in range(MOST_LOOKS):
            if shows in (seen := self._tmux("capture-pane", "-p")):
                return seen
        raise AssertionError(f"never shown: {shows}\n{seen}")

    def colours(self) -> str:
        """The screen with its escape sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    def _tmux(self, *words: str) -> str:
        ran = subprocess.run(
            [*self._tmux_words, *words], cwd=self._cwd, env=self._env, check=True, capture_output=True, text=True
        )
        return ran.stdout
