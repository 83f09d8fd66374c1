"""VS Code in a browser, with the packed extension, the real daemon and dune; a played model. Pictures go to build/."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("dune") is None, reason="dune is not there"),
]

LARGER = """The **numbers** become larger.

lib/numbers.ml
<<<<<<< SEARCH
let first = 1
=======
let first = 10
>>>>>>> REPLACE

lib/numbers.ml
<<<<<<< SEARCH
let last = 2
=======
let last = 20
>>>>>>> REPLACE

lib/extra.ml
<<<<<<< SEARCH
=======
let more = 1
>>>>>>> REPLACE
"""
SPOKEN, EDITS = LARGER[: LARGER.index("lib/")], LARGER[LARGER.index("lib/") :]
ALL = "Accept all of the proposal"
UNDO = "Take back what was accepted last of this proposal"
ROOT = Path(__file__).parents[3]
WRONG = "let double price = { cents = price.cent * 2 }"
RIGHT = "let double price = { cents = price.cents * 2 }"


def reply(old: str, new: str, path: str = "lib/price.ml") -> str:
    return f"{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


def stats(shop: Any) -> Any:
    return json.loads(shop.aid("stats", "--json").stdout)


def outcomes(shop: Any) -> Any:
    return stats(shop)["outcomes"]


@pytest.fixture
def code(shop: Any, opened: Callable[..., Any]) -> Iterator[Any]:
    """With lib/numbers.ml in front of the person, beside the chat."""
    shop.replies({"reply": LARGER, "times": 9})
    with opened(shop) as started:
        started.do("until", ".gettingStarted", "Get started with AID")
        started.do("file", "lib/numbers.ml")
        started.do("command", "AID: Ask")
        started.do("chatUntil", "#build.green")
        yield started


def test_an_answer_streams_in_and_its_proposal_is_taken_by_hunk_then_whole_and_undone(shop: Any, code: Any) -> None:
    shop.replies({"pieces": [{"text": SPOKEN}, {"wait": "more"}, {"text": EDITS}, {"wait": "end"}, {"text": "\n"}]})
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".markdown strong", "numbers")
    assert code.do("chatCount", "article[aria-busy=true]") == 1
    assert code.do("chatText", "#send") == "Cancel"
    shop.release("more")
    code.do("chatUntil", "pre.edits", "let more = 1")
    code.do("shot", "streaming")
    shop.release("end")
    code.do("chatUntil", ".badge.green", "green (dune test)")
    assert code.do("chatCount", "article[aria-busy=true], pre.edits") == 0
    assert code.do("chatText", ".attached") == "with numbers.ml"
    assert code.do("chatAll", ".folder, summary") == ["lib/", "A extra.ml +1 −0", "M numbers.ml +2 −2"]
    code.do("shot", "proposal")

    code.do("chatPress", "Accept change 2 of 2 in lib/numbers.ml")
    code.do("chatUntil", ".hunk.accepted")
    code.do("until", ".tab.dirty", "numbers.ml")
    assert "first = 1\n" in code.do("text") and code.do("text").endswith("last = 20\n")
    assert "last = 2\n" in shop.text("lib/numbers.ml"), "what is open changes in the editor, and is not saved"
    code.do("chatPress", ALL)
    code.do("chatGone", f"button[aria-label='{ALL}']")
    assert "first = 10\n" in code.do("text") and shop.text("lib/extra.ml") == "let more = 1\n"
    assert code.do("chatText", ".badge") == "green (dune test) accepted"
    assert outcomes(shop)["accepted"] == 1

    code.do("chatPress", UNDO)
    code.do("chatUntil", ".badge", "accepted in part")
    assert "first = 1\n" in code.do("text") and not (shop.root / "lib/extra.ml").exists()
    code.do("chatPress", UNDO)
    code.do("chatUntil", ".badge", "taken back")
    assert code.do("text") == shop.text("lib/numbers.ml")
    assert outcomes(shop)["undone"] == 1


def test_a_proposal_is_decided_in_the_diff_editor_and_seen_whole_in_the_multi_diff_editor(shop: Any, code: Any) -> None:
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".badge.green")
    code.do("chatPress", "Show all files beside what they would become")
    code.do("until", ".multiDiffEntry", "numbers.ml")
    code.do("until", ".multiDiffEntry .editor.modified .view-line", "let more = 1")
    assert code.do("count", ".multiDiffEntry") == 2
    code.do("shot", "multi-diff")

    code.do("chatPress", "Show lib/numbers.ml beside what it would become")
    proposed = ".monaco-diff-editor .editor.modified"
    code.do("until", f"{proposed} .view-line", "first = 10")
    code.do("shot", "diff")
    code.do("place", 11)
    code.do("click", ".editor-actions [aria-label^='Accept This Change']")
    code.do("chatUntil", ".hunk.accepted", "@@ -8,4 +8,4 @@")
    code.do("click", ".editor-actions [aria-label^='Reject This Change']")
    code.do("chatUntil", ".hunk.rejected", "@@ -1,4 +1,4 @@")
    code.do("gone", ".tab", "numbers.ml: as proposed")
    code.do("file", "lib/numbers.ml")
    assert code.do("text") == shop.text("lib/numbers.ml").replace("last = 2", "last = 20")
    code.do("chatPress", "Reject the changes of lib/extra.ml")
    code.do("chatGone", f"button[aria-label='{ALL}']")
    assert not (shop.root / "lib/extra.ml").exists()


def test_what_is_rejected_stays_so_after_a_reload_and_a_restart_of_the_daemon(shop: Any, code: Any) -> None:
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".badge.green")
    code.do("chatPress", "Reject change 1 of 2 in lib/numbers.ml")
    code.do("chatUntil", ".hunk.rejected", "@@ -1,4 +1,4 @@")
    code.do("chatPress", "Show lib/extra.ml beside what it would become")
    code.do("until", ".monaco-diff-editor .editor.modified .view-line", "let more = 1")
    code.do("command", "AID: Reject All Changes of This File")
    code.do("chatUntil", "summary .state", "rejected")
    code.do("gone", ".tab", "extra.ml: as proposed")
    assert shop.aid("restart").returncode == 0
    code.do("reload")
    code.do("chatUntil", ".hunk.rejected", "@@ -1,4 +1,4 @@")
    code.do("chatPress", ALL)
    code.do("chatUntil", ".badge", "accepted in part")
    code.do("chatGone", f"button[aria-label='{ALL}']")
    code.do("file", "lib/numbers.ml")
    assert code.do("text") == shop.text("lib/numbers.ml").replace("last = 2", "last = 20")
    assert not (shop.root / "lib/extra.ml").exists()
    assert stats(shop)["hunks"] == {"proposed": 3, "accepted": 1, "rejected": 2}
    code.do("chatPress", "Accept change 1 of 2 in lib/numbers.ml")
    code.do("chatUntil", ".hunk.accepted", "@@ -1,4 +1,4 @@")
    code.do("command", "AID: Undo What Was Accepted Last")
    code.do("chatUntil", ".hunk.open", "@@ -1,4 +1,4 @@")
    assert "first = 1\n" in code.do("text") and "last = 20" in code.do("text")


def test_unsaved_text_is_respected_and_a_stale_buffer_rebased_or_refused(shop: Any, code: Any) -> None:
    code.do("place", 3)
    code.do("type", "let unsaved = 7\n")
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".badge.green")
    code.do("place", 1)
    code.do("type", "let above = 0\n")
    code.do("chatPress", "Show lib/numbers.ml beside what it would become")
    code.do("until", ".monaco-diff-editor .editor.modified .view-line", "first = 10")
    assert code.do("text").startswith("let above = 0\nlet first = 10\n\nlet unsaved = 7\n")
    code.do("chatPress", "Accept change 2 of 2 in lib/numbers.ml")
    code.do("chatUntil", ".hunk.accepted")
    code.do("click", ".tab", "numbers.ml")
    code.do("gone", ".monaco-diff-editor")
    assert code.do("text").startswith("let above = 0\nlet first = 1\n\nlet unsaved = 7\n")
    assert code.do("text").endswith("let last = 20\n")

    code.do("place", 2)
    code.do("press", "End")
    code.do("type", "00")
    code.do("chatPress", "Accept change 1 of 2 in lib/numbers.ml")
    code.do("until", ".notification-list-item-message", "AID: not accepted: lib/numbers.ml: edited since")
    code.do("shot", "refused")
    assert "let first = 100\n" in code.do("text") and code.do("chatCount", ".hunk.open") == 2
    assert "unsaved" not in shop.text("lib/numbers.ml")


def test_a_cancelled_answer_says_so_and_the_model_is_let_go(shop: Any, code: Any) -> None:
    shop.replies({"pieces": [{"text": SPOKEN}, {"wait": "never"}]})
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".markdown strong")
    code.do("press", "Escape")
    code.do("chatUntil", ".reason", "Cancelled.")
    assert shop.model_stats(disconnected=1)
    assert code.do("chatText", "#send") == "Send"


def test_the_chat_its_proposal_and_the_draft_survive_a_reload_in_every_theme(shop: Any, code: Any) -> None:
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".badge.green")
    code.do("chatPress", "Accept lib/extra.ml")
    code.do("chatUntil", ".badge", "accepted in part")
    code.do("chatFill", "#prompt", "and then")
    code.do("reload")
    code.do("chatUntil", ".badge.green", "accepted in part")
    assert code.do("chatText", ".question p") == "make the numbers larger"
    assert code.do("chatValue", "#prompt") == "and then"
    for theme, name in (("Dark High Contrast", "hc-black"), ("Light Modern", "vs")):
        code.do("command", "Preferences: Color Theme")
        code.do("pick", theme)
        code.do("until", f".monaco-workbench.{name}")
        code.do("shot", name.replace("vs", "light"))
    code.do("chatPress", ALL)
    code.do("chatGone", f"button[aria-label='{ALL}']")
    assert "first = 10\n" in code.do("text")
    assert code.do("refused") == [], "the page's policy stops nothing of ours"


def test_the_chat_is_used_by_keys_and_read_by_a_screen_reader(shop: Any, code: Any) -> None:
    assert code.do("chatEval", "document.activeElement.id") == "prompt", "the command puts the cursor there"
    code.do("type", "make the numbers larger")
    code.do("press", "Enter")
    code.do("chatUntil", ".badge.green")
    names = code.do("chatEval", "[...document.querySelectorAll('button')].map((b) => b.ariaLabel ?? b.textContent)")
    assert all(names) and len(names) == len(set(names)), "each button says what it does, and to what"
    roles = "[...document.querySelectorAll('[role]')].map((each) => `${each.role} ${each.ariaLabel}`)"
    assert {"status Build", "log Chat"} <= set(code.do("chatEval", roles))
    code.do("chatEval", "document.getElementById('turns').focus()")
    walked = []
    for _ in range(6):
        code.do("press", "Tab")
        walked.append(code.do("chatEval", "(document.activeElement.ariaLabel || document.activeElement.innerText)"))
    shown, taken, dropped = "Show {} beside what it would become", "Accept {}", "Reject the changes of {}"
    assert walked[1:4] == [each.format("lib/extra.ml") for each in (shown, taken, dropped)]
    code.do("press", "Shift+Tab")
    code.do("chatEval", "document.querySelector(\"button[aria-label='Accept lib/extra.ml']\").focus()")
    code.do("press", "Enter")
    code.do("chatUntil", "summary .state", "accepted")
    assert shop.text("lib/extra.ml") == "let more = 1\n"
    inside = "document.activeElement.closest('article') !== null"
    assert code.do("chatEval", inside), "focus stays where it was when its button goes"


def test_the_light_bulb_mends_an_error_and_a_selection_is_edited(shop: Any, opened: Callable[..., Any]) -> None:
    price = shop.root / "lib/price.ml"
    price.write_text(price.read_text().replace(RIGHT, WRONG))
    tripled = RIGHT.replace("2", "3")
    shop.replies(
        {"match": "Fix the build error", "reply": reply(WRONG, RIGHT)},
        {"match": "triple", "reply": reply(RIGHT, tripled), "pieces": []},
        {"match": "never", "pieces": [{"wait": "never"}]},
    )
    with opened(shop) as code:
        code.do("until", ".gettingStarted", "Get started with AID")
        code.do("shot", "walkthrough")
        code.do("file", "lib/price.ml")
        code.do("until", ".squiggly-error")
        code.do("until", ".statusbar-item", "AID: red (dune")
        code.do("place", 5, 40)
        code.do("press", "Control+.")
        code.do("until", ".action-widget", "AID: fix this error")
        code.do("shot", "light-bulb")
        code.do("click", ".action-widget .monaco-list-row", "AID: fix this error")
        code.do("until", ".notification-list-item-message", "AID: fixed, green (dune test), 1 error fixed")
        assert RIGHT in code.do("text") and WRONG in shop.text("lib/price.ml")
        code.do("press", "Control+S")
        code.do("until", ".statusbar-item", "AID: green (dune test)")

        code.do("command", "AID: Edit Selection…")
        code.do("input", "never ending")
        code.do("until", ".notification-list-item-message", "AID: edit lib/price.ml:5-5")
        code.do("click", ".notification-list-item .monaco-button", "Cancel")
        code.do("gone", ".notification-list-item-message", "AID: edit lib/price.ml:5-5")
        code.do("command", "AID: Edit Selection…")
        code.do("input", "triple it")
        code.do("until", ".monaco-diff-editor .editor.modified .view-line", "* 3")
        code.do("click", ".editor-actions [aria-label^='Accept All Changes of This File']")
        code.do("gone", ".tab", "as proposed")
        assert tripled in code.do("text")


def test_files_and_selections_go_along_as_chips(shop: Any, code: Any) -> None:
    assert code.do("chatAll", ".chip span") == ["numbers.ml"]
    code.do("place", 1)
    code.do("press", "Shift+ArrowDown")
    code.do("chatUntil", ".chip span", "numbers.ml:1")
    code.do("command", "AID: Add Selection to Chat")
    code.do("chatPress", "Leave lib/numbers.ml:1, the selection out")
    code.do("chatUntil", "button.chip")
    code.do("chatPress", "Add file…")
    code.do("pick", "basket.ml")
    code.do("press", "Enter")
    code.do("chatUntil", ".chip span", "basket.ml")
    assert code.do("chatAll", ".chip span") == ["numbers.ml:1", "basket.ml"]
    code.do("shot", "chips")
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".badge.green")
    assert code.do("chatText", ".attached") == "with numbers.ml:1, basket.ml"


def test_chats_are_begun_opened_and_forgotten(shop: Any, code: Any) -> None:
    code.do("command", "AID: Add File to Chat")
    code.do("chatPress", "Leave lib/numbers.ml, the current file out")
    code.do("chatUntil", "button.chip")
    assert code.do("chatAll", ".chip span") == ["numbers.ml"]
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".badge.green")
    code.do("command", "AID: New Chat")
    code.do("chatGone", "article")
    code.do("chatGone", "button.chip")
    code.do("command", "AID: Show Newest Proposal")
    code.do("until", ".multiDiffEntry", "numbers.ml")
    code.do("chatUntil", ".badge.green")
    code.do("command", "AID: Open Chat…")
    code.do("pick", "make the numbers larger")
    code.do("chatUntil", ".question p", "make the numbers larger")
    code.do("command", "AID: Forget This Chat")
    code.do("chatGone", "article")
    code.do("command", "AID: Open Chat…")
    code.do("until", ".quick-input-title", "AID: which chat?")
    assert code.do("count", ".quick-input-list .monaco-list-row") == 0


def test_the_model_is_chosen_and_what_is_asked_of_it_cancelled(shop: Any, code: Any) -> None:
    shop.replies({"pieces": [{"text": SPOKEN}, {"wait": "never"}]})
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".markdown strong")
    code.do("command", "AID: Cancel What Is Being Answered")
    code.do("chatUntil", ".reason", "Cancelled.")
    assert shop.model_stats(disconnected=1)
    code.do("command", "AID: Choose Model…")
    code.do("pick", "hints")
    code.do("gone", ".quick-input-widget")
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".reason", "the hints know no repair")
    code.do("command", "AID: Choose Model…")
    code.do("until", ".quick-input-list .codicon-check")
    code.do("press", "Escape")
    code.do("command", "AID: Show Log")
    code.do("until", ".panel .action-item.checked", "Output")
    code.do("command", "AID: Get Started")
    code.do("until", ".gettingStarted", "Get started with AID")


def test_every_command_is_run_by_a_test() -> None:
    """By its label, on a button or from the palette."""
    given = json.loads((Path(__file__).parents[3] / "plugins/vscode/package.json").read_text())
    titles = [command["title"] for command in given["contributes"]["commands"]]
    tests = Path(__file__).read_text()
    assert [title for title in titles if title not in tests] == []


def test_a_daemon_killed_in_mid_answer_is_started_again_and_the_answer_comes(shop: Any, code: Any) -> None:
    shop.replies({"pieces": [{"text": SPOKEN}, {"wait": "end"}, {"text": EDITS}], "times": 2})
    code.do("ask", "make the numbers larger")
    code.do("chatUntil", ".markdown strong")
    os.kill(shop.daemon_pid(), signal.SIGKILL)
    shop.model_stats(requests=2)
    shop.release("end")
    code.do("chatUntil", ".badge.green")
    code.do("chatPress", ALL)
    code.do("chatGone", f"button[aria-label='{ALL}']")
    assert "first = 10\n" in code.do("text") and shop.text("lib/extra.ml") == "let more = 1\n"


def test_switched_off_it_says_so_and_starts_nothing(shop: Any, opened: Callable[..., Any]) -> None:
    with opened(shop, **{"aid.enable": False}) as code:
        code.do("command", "AID: Ask")
        code.do("chatUntil", "#build.trouble", "AID is switched off: see the setting aid.enable.")
        assert code.do("chatEval", "document.getElementById('send').disabled")
        assert not (shop.home / "state").exists(), "no daemon was started"


def test_it_is_thin() -> None:
    """Without what is generated; what doesn't fit belongs in the daemon."""
    written = [file for file in (ROOT / "plugins/vscode/src").rglob("*.ts") if file.name != "protocol.ts"]
    assert sum(len(file.read_text().splitlines()) for file in written) <= 1500
