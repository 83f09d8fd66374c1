"""The Neovim plugin by keys in a real terminal; what the screen shows is kept in build/nvim."""

import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SHOTS = ROOT / "build" / "nvim"
STATUSLINE = "set laststatus=2 statusline=%f\\ %m%=%{v:lua.require'aid'.statusline()}"
pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="dune is not there"),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not there: run scripts/editors nvim"),
]
DOUBLE = """ both.

lib/price.ml
<<<<<<< SEARCH
let double price = { cents = price.cents * 2 }
=======
let double price =
  let cents = price.cents * 2 in
  { cents }
>>>>>>> REPLACE

lib/basket.ml
<<<<<<< SEARCH
let total prices = List.fold_left (fun sum price -> sum + price.Price.cents) 0 prices
=======
let total prices = List.fold_left (fun sum price -> sum + price.Price.cents) 0 (List.map Price.double prices)
>>>>>>> REPLACE
"""
HALVE = """Half of it:

lib/price.ml
<<<<<<< SEARCH
  let cents = price.cents * 2 in
=======
  let cents = price.cents / 2 in
>>>>>>> REPLACE
"""


def keep(name: str, terminal: Any, shows: str) -> str:
    """The screen once it shows that, kept as text and with its colours."""
    seen: str = terminal.screen(shows)
    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / f"{name}.txt").write_text(seen)
    (SHOTS / f"{name}.ansi").write_text(terminal.colours())
    return seen


@pytest.mark.each_neovim
def test_by_keys_in_a_terminal(shop: Any, terminal: Any, program: str) -> None:
    version = Path(program).name
    shop.replies(
        {"match": "double it all", "pieces": [{"text": "I double"}, {"wait": "go"}, {"text": DOUBLE}]},
        {"match": "halve it", "reply": HALVE},
        {"match": "why", "pieces": [{"text": "Because **you**"}, {"wait": "go on"}, {"text": " asked for `it`."}]},
    )
    terminal.type(":" + STATUSLINE, "Enter", ":Aid double it all", "Enter")
    asking = keep(f"{version}-asking", terminal, "aid: I double")
    assert "asking" in asking.splitlines()[-2]
    shop.release("go")
    preview = keep(f"{version}-preview", terminal, "side by side")
    assert "green (dune test)" in preview and "-let double price = { cents = price.cents * 2 }" in preview
    terminal.type("]h", "a")
    partly = keep(f"{version}-one-hunk", terminal, "`lib/basket.ml` +1 -1 accepted")
    assert "aid: accepted lib/basket.ml" in partly
    terminal.type("s")
    split = keep(f"{version}-side-by-side", terminal, "[-]")
    assert "let double price = { cents = price.cents * 2 }" in split
    terminal.type(":tabonly | only", "Enter", ":AidAccept", "Enter")
    keep(f"{version}-accepted", terminal, "aid: accepted lib/price.ml")
    terminal.type(":AidChat", "Enter")
    keep(f"{version}-chat", terminal, "<CR> sends what stands below")
    terminal.type("i", "why?", "C-s")
    streaming = keep(f"{version}-chat-streaming", terminal, "Because **you**")
    assert "-- INSERT --" in streaming
    terminal.type("And what now?")
    keep(f"{version}-chat-typing", terminal, "And what now?")
    shop.release("go on")
    chat = keep(f"{version}-chat-answered", terminal, "<CR> sends what stands below")
    assert "asked for `it`." in chat and "And what now?" in chat
    terminal.type("Escape", "cc", "halve it", "Escape", "Enter")
    keep(f"{version}-chat-proposal", terminal, "`lib/price.ml` +1 -1")
    terminal.type(":AidUndo", "Enter")
    keep(f"{version}-undone", terminal, "aid: taken back lib/price.ml")
    assert "let double price = { cents = price.cents * 2 }\n" in shop.text("lib/price.ml")
