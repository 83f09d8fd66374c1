"""The Emacs plugin by keys, in a real terminal Emacs under tmux. Screens are kept in build/, to be looked at."""

import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SCREENS = ROOT / "build" / "emacs"
WAIT_S = 60
pytestmark = pytest.mark.ocaml
# What a person with markdown-mode has, and nothing else.
SETUP = """
(setq inhibit-startup-screen t make-backup-files nil create-lockfiles nil auto-save-default nil
      enable-local-variables :safe xterm-mouse-mode nil)
(add-to-list 'load-path "PLUGIN") MARKDOWN
(require 'aid)
(aid-global-mode 1)
"""


class Terminal:
    """Emacs in a tmux server of its own, whose output wakes those who wait for the screen."""

    def __init__(self, program: str, shop: Any) -> None:
        self._name = Path(program).name
        self._tmux = ["tmux", "-S", str(shop.home / "tmux"), "-f", os.devnull]
        self._env = shop.env | {"TERM": "xterm-256color"}
        self._root = shop.root
        self._fifo = shop.home / "output"
        setup = shop.home / "setup.el"
        found = sorted(Path("/usr/share/emacs/site-lisp/elpa").glob("markdown-mode-*"))
        markdown = f'(add-to-list \'load-path "{found[-1]}")' if found else ""
        setup.write_text(SETUP.replace("PLUGIN", str(ROOT / "plugins" / "emacs")).replace("MARKDOWN", markdown))
        self._words = [program, "-nw", "-Q", "-l", str(setup), "lib/price.ml"]

    def __enter__(self) -> Self:
        os.mkfifo(self._fifo)
        size = ["-x", "110", "-y", "50"]
        self._run("new-session", "-d", *size, "-c", str(self._root), "--", *self._words)
        self._output = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)
        self._run("pipe-pane", f"cat > {self._fifo}")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("kill-server")
        os.close(self._output)

    def keys(self, *keys: str) -> None:
        """In tmux's names: C-c, Enter, and plain words, which are typed."""
        for key in keys:
            literal = [] if len(key) == 1 or key[:2] in ("C-", "M-") or key in ("Enter", "Tab", "Space") else ["-l"]
            self._run("send-keys", *literal, "--", key)

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def until(self, held: Callable[[str], object], shot: str = "") -> str:
        """The screen once it is as wished; kept as `shot`."""
        while not held(screen := self.screen()):
            ready, _, _ = select.select([self._output], [], [], WAIT_S)
            assert ready, f"nothing happens any more:\n{screen}"
            os.read(self._output, 1 << 16)
        if shot:
            SCREENS.mkdir(parents=True, exist_ok=True)
            (SCREENS / f"{self._name}-{shot}.txt").write_text(screen)
        return screen

    def shows(self, *texts: str, shot: str = "") -> str:
        return self.until(lambda screen: all(text in screen for text in texts), shot)

    def _run(self, *words: str) -> str:
        ran = subprocess.run([*self._tmux, *words], env=self._env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture
def terminal(emacs: str, shop: Any) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not there: run scripts/editors emacs")
    with Terminal(emacs, shop) as started:
        yield started


def test_a_chat_by_keys(terminal: Terminal, shop: Any, scenery: Any) -> None:
    whole = scenery.RENAME
    held = [{"text": whole[:30]}, {"wait": "go"}, {"text": whole[30:]}]
    shop.replies({"match": "rename cents", "pieces": held, "times": 9})
    basket = shop.text("lib/basket.ml")
    terminal.shows("AID:green")
    terminal.keys("C-c", ",", "c")
    terminal.shows("(Chat AID", shot="1-chat")
    terminal.keys("please rename cents to amount", "C-c", "C-c")
    terminal.shows("I rename `cents`", shot="2-streaming")
    terminal.keys("C-g")
    terminal.shows("_cancelled_", shot="3-cancelled")
    terminal.keys("rename cents once more", "C-c", "C-c", "and meanwhile")
    terminal.until(lambda screen: "I rename `cents`" in screen.partition("once more")[2])
    shop.release("go")
    terminal.shows("[accept hunk]", "and meanwhile", shot="4-proposal")
    terminal.keys("C-/")
    terminal.until(lambda screen: "[accept hunk]" in screen and "and meanwhile" not in screen, "5-undone-typing")
    terminal.keys("M-<", "C-c", ",", "n", "C-c", ",", "h")
    terminal.shows("[hunk accepted]", shot="6-hunk")
    assert shop.text("lib/basket.ml") == basket
    terminal.keys("C-c", ",", "a")
    terminal.shows("accepted lib/basket.ml", shot="7-all")
    assert "Price.amount" in shop.text("lib/basket.ml")
    assert "amount" not in shop.text("lib/price.ml")
    terminal.keys("C-c", ",", "u")
    terminal.shows("taken back lib/basket.ml", shot="8-undone")
    assert shop.text("lib/basket.ml") == basket
    terminal.keys("C-c", ",", ",")
    terminal.shows("Append to the chat", shot="9-menu")
    terminal.keys("d")
    terminal.shows("AID-Diff", shot="10-diff")


def test_an_error_is_mended_by_keys(terminal: Terminal, shop: Any) -> None:
    right, wrong = "price.cents * 2", "price.cent * 2"
    line = "let double price = {{ cents = {} }}"
    edit = f"lib/price.ml\n<<<<<<< SEARCH\n{line.format(wrong)}\n=======\n{line.format(right)}\n>>>>>>> REPLACE\n"
    shop.replies({"match": "Fix the build error at lib/price.ml:5", "reply": edit})
    terminal.shows("AID:green")
    terminal.keys("M->", "C-r", "cents * 2", "Enter", "C-s", "cents", "Enter", "C-b", "C-d", "C-x", "C-s")
    terminal.shows("AID:red: 1 error", shot="11-error")
    terminal.keys("C-c", ",", "x")
    terminal.shows("1 error fixed", "+let double", shot="12-fix")
    terminal.keys("a")
    terminal.shows("accepted lib/price.ml", shot="13-fixed")
    assert wrong in shop.text("lib/price.ml")
