"""The Neovim plugin in Neovim, without a screen: commands in, buffers, files, messages and metrics out."""

import json
import os
import shutil
import signal
from typing import Any

import pytest

pytestmark = [pytest.mark.ocaml, pytest.mark.skipif(shutil.which("dune") is None, reason="dune is not there")]

BEFORE = "type t = { cents : int }\n\nlet of_cents cents = { cents }\n\nlet double price = { cents = price.cents * 2 }"
AFTER = BEFORE.replace("cents", "amount").replace("of_amount", "of_cents")
RENAME = f"""I rename `cents` to `amount`.

lib/price.ml
<<<<<<< SEARCH
{BEFORE}
=======
{AFTER}
>>>>>>> REPLACE

lib/basket.ml
<<<<<<< SEARCH
let total prices = List.fold_left (fun sum price -> sum + price.Price.cents) 0 prices
=======
let total prices = List.fold_left (fun sum price -> sum + price.Price.amount) 0 prices
>>>>>>> REPLACE
"""
UNDONE = ["taken back lib/basket.ml", "taken back lib/price.ml"]
CAPPED = "let double price = { cents = min 99 (price.cents * 2) }"
PREVIEW = "vim.bo.filetype == 'aid-proposal'"


def said(nvim: Any) -> list[str]:
    """What the plugin said, without what the bridge says of a daemon that takes its time to start."""
    lines = nvim.messages().splitlines()
    return [line.removeprefix("aid: ") for line in lines if line.startswith("aid: ") and "its daemon" not in line]


def reply(old: str, new: str, path: str = "lib/price.ml") -> str:
    return f"{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"


@pytest.mark.each_neovim
def test_a_proposal_is_accepted_by_hunk_then_whole_and_taken_back(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "rename cents", "reply": RENAME})
    basket = shop.text("lib/basket.ml")
    nvim.keys(":Aid rename cents to amount<CR>")
    nvim.until(PREVIEW)
    shown = nvim.text()
    assert shown.startswith(
        "green (dune test)\n\n`lib/price.ml` +3 -3\n@@ -1,5 +1,5 @@\n-type t = { cents : int }\n+type t"
    )
    assert "\n\n`lib/basket.ml` +1 -1\n@@ -1 +1 @@\n-let total" in shown
    nvim.keys("a")
    nvim.until_text("`lib/price.ml` +3 -3 accepted")
    assert nvim.text("price.ml") == AFTER and shop.text("lib/basket.ml") == basket
    assert shop.text("lib/price.ml") == BEFORE + "\n", "nothing is saved unasked"
    nvim.keys("A")
    nvim.until("vim.fn.bufname() == 'lib/price.ml'")
    assert "Price.amount" in shop.text("lib/basket.ml")
    nvim.keys(":AidUndo<CR>")
    nvim.until_said("aid: taken back lib/basket.ml")
    assert shop.text("lib/basket.ml") == basket and nvim.text() == AFTER
    nvim.keys(":AidUndo<CR>")
    nvim.until_said("aid: taken back lib/price.ml")
    assert nvim.text() == BEFORE
    assert said(nvim) == ["accepted lib/price.ml", "accepted lib/basket.ml", *UNDONE]
    assert shop.aid("stats").stdout.startswith("1 requests, 0 failed; 0 accepted, 1 undone")


def test_a_buffer_is_changed_in_one_step_of_undo(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.keys(":Aid! rename cents to amount<CR>")
    nvim.until_said("aid: accepted lib/basket.ml, lib/price.ml")
    assert nvim.text() == AFTER
    nvim.keys("u")
    nvim.until_text(BEFORE)


def test_unsaved_text_is_what_is_asked_about_and_is_kept(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "let triple price", "reply": RENAME})
    nvim.keys("Golet triple price = price.cents * 3<Esc>")
    nvim.keys(":Aid! rename cents to amount<CR>")
    nvim.until(PREVIEW)
    assert nvim.text().startswith("red (dune typecheck): 1 new error\n"), "what is not green is shown all the same"
    nvim.keys(":AidAccept<CR>")
    nvim.until("vim.fn.bufname() == 'lib/price.ml'")
    assert nvim.text() == AFTER + "\nlet triple price = price.cents * 3"
    assert shop.text("lib/price.ml") == BEFORE + "\n" and nvim.eval("vim.bo.modified")


def test_an_edit_elsewhere_is_merged_with_and_one_of_the_same_lines_is_refused(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": reply(BEFORE.splitlines()[2], "let of_cents cents = { cents = cents }")})
    nvim.keys(":Aid spell it out<CR>")
    nvim.until(PREVIEW)
    nvim.keys("q:3s/cents }/cents (* mine *) }/<CR>:AidAccept<CR>")
    nvim.until_said("aid: not accepted: lib/price.ml: edited since")
    assert "(* mine *)" in nvim.text() and "cents = cents" not in nvim.text()
    nvim.keys(":undo<CR>Go(* the end *)<Esc>:AidAccept<CR>")
    nvim.until_said("aid: accepted lib/price.ml")
    assert nvim.text() == BEFORE.replace("{ cents }", "{ cents = cents }") + "\n(* the end *)"


def test_an_edit_of_an_older_text_is_refused(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.until("#vim.lsp.get_clients({ name = 'aid' }) > 0 and vim.lsp.get_clients()[1].initialized")
    code = """
      local client = vim.lsp.get_clients({ name = "aid" })[1]
      local range = { start = { line = 0, character = 0 }, ["end"] = { line = 1, character = 0 } }
      local document = { uri = vim.uri_from_bufnr(0), version = -1 }
      local edit = { documentChanges = { { textDocument = document, edits = { { range = range, newText = "" } } } } }
      return client.handlers["workspace/applyEdit"](nil, { edit = edit }, { client_id = client.id })
    """
    assert nvim.lua(code) == {"applied": False, "failureReason": "price.ml was edited meanwhile: accept again"}
    assert nvim.text() == BEFORE


@pytest.mark.each_neovim
def test_cancelling_ends_the_model_s_work_too(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "pieces": [{"text": "I rename"}, {"wait": "never"}, {"text": "it"}]})
    nvim.keys(":Aid rename cents<CR>")
    shop.model_stats(requests=1)
    nvim.until("require('aid').statusline():match('asking')")
    nvim.keys(":AidStop<CR>")
    shop.model_stats(disconnects=1)
    nvim.until("not require('aid').statusline():match('asking')")
    nvim.keys(":AidStop<CR>")
    nvim.until_said("aid: nothing is being asked")
    assert nvim.text() == BEFORE and "rror" not in nvim.messages()


def test_a_daemon_killed_in_mid_answer_comes_back_and_the_answer_is_finished(shop: Any, nvim: Any) -> None:
    held = {"match": "", "pieces": [{"text": "I rename `cents`."}, {"wait": "go"}, {"text": RENAME}]}
    shop.replies(held, {"match": "", "reply": RENAME})
    nvim.keys(":AidChat<CR>")
    nvim.until("vim.bo.filetype == 'markdown'")
    nvim.keys("irename cents to amount<Esc><CR>")
    nvim.until_text("I rename `cents`.")
    before = shop.daemon_pid()
    os.kill(before, signal.SIGKILL)
    nvim.until_text("green (dune test)")
    assert nvim.text().count("I rename `cents`") == 1, "what the first daemon said is not said twice"
    nvim.keys(":AidAccept<CR>")
    nvim.until_said("aid: accepted lib/basket.ml, lib/price.ml")
    assert shop.daemon_pid() != before and nvim.text("price.ml") == AFTER


def test_only_the_lines_of_a_range_may_change(shop: Any, nvim: Any) -> None:
    shop.replies(*[{"match": "Change only lib/price.ml:5", "reply": RENAME}] * 3)
    nvim.keys(":5Aid rename it<CR>")
    nvim.until_said("only line 5 of lib/price.ml may change")
    assert nvim.text() == BEFORE


def test_the_error_at_the_cursor_is_mended(shop: Any, nvim: Any) -> None:
    wrong = "let double price = { cents = price.cent * 2 }"
    right = BEFORE.splitlines()[-1]
    shop.replies({"match": "Fix the build error at lib/price.ml:5", "reply": reply(wrong, right)})
    nvim.keys(":5s/price.cents/price.cent/<CR>:write<CR>")
    nvim.until("#vim.diagnostic.get(0) == 1")
    nvim.keys("5G:AidFix!<CR>")
    nvim.until_said("aid: accepted lib/price.ml")
    assert nvim.text() == BEFORE


def test_without_an_error_a_fix_says_what_is_missing(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "it overflows", "reply": reply(BEFORE.splitlines()[-1], CAPPED)})
    nvim.keys(":AidFix<CR>")
    nvim.until_said("aid: the build names no error in lib/price.ml: say in the prompt what is to be mended")
    nvim.keys(":AidFix! it overflows<CR>")
    nvim.until_said("aid: accepted lib/price.ml")
    assert "min 99" in nvim.text()


@pytest.mark.each_neovim
def test_a_chat_goes_on_where_it_was_left(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "rename cents", "reply": RENAME}, {"match": "why", "reply": "Because *you* asked."})
    nvim.keys(":4,5AidChat<CR>")
    nvim.until("vim.bo.filetype == 'markdown'")
    nvim.until_text("- `lib/price.ml:4-5`")
    nvim.keys("irename cents<Esc><CR>")
    nvim.until_text("```\n\n---\n")
    asked, answered = nvim.text().split("\nI rename `cents` to `amount`.\n")
    assert asked == "\n## rename cents\n- `lib/price.ml:4-5`\n"
    assert answered.startswith(
        "\ngreen (dune test)\n\n`lib/price.ml` +3 -3\n```diff\n@@ -1,5 +1,5 @@\n-type t = { cents"
    )
    nvim.keys("Gawhy?<C-s><Esc>")
    nvim.until_text("Because *you* asked.\n\n_")
    shown = nvim.text()
    nvim.keys(":bwipeout!<CR>:AidChat<CR>")
    nvim.until_text("Because *you* asked.")
    assert nvim.text() == shown
    nvim.keys(":edit!<CR>")
    nvim.until_text("Because *you* asked.")
    assert nvim.text() == shown
    nvim.keys(":bdelete!<CR>:AidChat<CR>")
    nvim.until_text("Because *you* asked.")
    nvim.keys("gg/^@@<CR>:AidAccept hunk<CR>")
    nvim.until_said("aid: accepted lib/price.ml")
    assert nvim.text("price.ml") == AFTER and "Price.cents" in shop.text("lib/basket.ml")
    nvim.until_text("`lib/price.ml` +3 -3 accepted\n\n`lib/basket.ml`")
    nvim.keys(":AidUndo<CR>")
    nvim.until_text("`lib/price.ml` +3 -3\n```diff")
    assert nvim.text() == shown
    nvim.keys("gg/^@@<CR>:AidReject<CR>")
    nvim.until_text("`lib/basket.ml` +1 -1 rejected")


@pytest.mark.each_neovim
def test_undo_and_cursor_in_a_chat_are_the_person_s(shop: Any, nvim: Any) -> None:
    pieces = [{"text": "One.\n"}, {"wait": "typed"}, {"text": "Two.\n"}, {"wait": "undone"}, {"text": "Three."}]
    shop.replies({"match": "", "pieces": pieces})
    nvim.keys(":AidChat<CR>")
    nvim.until("vim.bo.filetype == 'markdown'")
    nvim.keys("icount<Esc><CR>")
    nvim.until_text("One.")
    nvim.keys("Gonext<Esc>Goquestion<Esc>")
    nvim.until_text("next\nquestion")
    shop.release("typed")
    nvim.until_text("Two.")
    assert nvim.eval("vim.fn.getline('.')") == "question"
    nvim.keys("u")
    nvim.until_text("One.\n\n\n---")
    nvim.keys("u")
    nvim.until("vim.fn.getline('$') == 'next'")
    shop.release("undone")
    nvim.until_text("One.\nTwo.\nThree.")
    assert nvim.eval("vim.fn.getline('$')") == "next"
    nvim.keys("u")
    nvim.until_text("One.\n\n\n---")


def test_an_answer_does_not_pop_up_under_the_hands_of_someone_who_types(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "pieces": [{"wait": "typing"}, {"text": RENAME}]})
    nvim.keys(":Aid rename cents to amount<CR>")
    shop.model_stats(requests=1)
    nvim.keys("Goa comment to come")
    nvim.until("vim.fn.mode() == 'i'")
    shop.release("typing")
    nvim.until_said("aid: green (dune test): :AidDiff shows the proposal")
    assert nvim.eval("vim.fn.bufname()") == "lib/price.ml"
    nvim.keys("<Esc>:AidDiff<CR>")
    nvim.until(PREVIEW)
    nvim.keys(":AidReject<CR>")
    nvim.until_said("aid: rejected")
    nvim.keys(":AidDiff<CR>")
    nvim.until_said("aid: there is no open proposal: ask for one")


@pytest.mark.each_neovim
def test_side_by_side_may_be_asked_for_again(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.keys(":Aid rename cents to amount<CR>")
    nvim.until(PREVIEW)
    nvim.keys("s")
    nvim.until("#vim.api.nvim_list_tabpages() == 2")
    nvim.keys("1gt:AidDiff split<CR>")
    nvim.until("#vim.api.nvim_list_tabpages() == 4")
    assert "E95" not in nvim.messages()


@pytest.mark.each_neovim
def test_hunks_and_files_are_turned_down_one_by_one(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.keys(":Aid rename cents to amount<CR>")
    nvim.until(PREVIEW)
    nvim.keys("r")
    nvim.until_text("`lib/price.ml` +3 -3 rejected")
    shop.aid("restart")
    nvim.keys("gg:AidReject file<CR>")
    nvim.until_said("put the cursor on a file of the proposal")
    nvim.keys(":AidAccept<CR>")
    nvim.until(f"not ({PREVIEW})")
    assert "amount" in nvim.lua("return table.concat(vim.fn.readfile('lib/basket.ml'))")
    assert nvim.text() + "\n" == shop.text("lib/price.ml") == BEFORE + "\n", (
        "what was turned down is no part of the rest"
    )
    hunks = json.loads(shop.aid("stats", "--json").stdout)["hunks"]
    assert hunks == {"proposed": 2, "accepted": 1, "rejected": 1}


@pytest.mark.each_neovim
def test_files_are_shown_beside_what_would_become_of_them(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.keys(":Aid rename cents to amount<CR>")
    nvim.until(PREVIEW)
    nvim.keys("q:AidDiff split<CR>")
    nvim.until("vim.fn.tabpagenr('$') == 3")
    assert nvim.eval("vim.fn.expand('%:t')") == "basket.ml" and nvim.eval("vim.wo.diff")
    nvim.keys("gT<C-w>l")
    nvim.until("vim.bo.buftype == 'nofile'")
    assert nvim.text() == AFTER and not nvim.eval("vim.bo.modifiable") and nvim.eval("vim.wo.diff")


def test_what_is_asked_with_no_file_open_goes_to_the_directory_s_project(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.keys(":bwipeout<CR>:AidStatus<CR>")
    nvim.until_said("aid: daemon 0.")
    nvim.keys(":Aid! rename cents to amount<CR>")
    nvim.until_said("aid: accepted lib/price.ml, lib/basket.ml")
    assert shop.text("lib/price.ml") == AFTER + "\n"


def test_completion_knows_what_the_daemon_knows(shop: Any, nvim: Any) -> None:
    shop.replies({"match": "", "reply": RENAME})
    nvim.keys(":Aid! rename cents to amount<CR>")
    nvim.until_said("aid: accepted")

    def completed(line: str) -> list[str]:
        return list(nvim.eval(f"vim.fn.getcompletion({json.dumps(line)}, 'cmdline')"))

    assert completed("AidAccept ") == ["all", "file", "hunk"] and completed("AidDiff ") == ["split"]
    assert "played" in completed("AidModel ") and completed("AidModel pl") == ["played"]
    assert completed("Aid why lib/pr") == ["lib/price.ml"]
    (undoable,) = completed("AidUndo ")
    nvim.keys(f":AidUndo {undoable}<CR>")
    nvim.until_said("aid: taken back lib/basket.ml, lib/price.ml")
    nvim.keys(":AidModel<CR>")
    nvim.until_said("* played (openai)")
    nvim.keys(":AidModel nosuch<CR>")
    nvim.until_said("nosuch")


def test_without_the_program_one_line_says_so(shop: Any, program: str, nvim: Any) -> None:
    nvim.until("#vim.lsp.get_clients() == 1")
    nvim.keys(":lua require('aid').setup({ command = { 'aid-nowhere' } })<CR>:bwipeout<CR>")
    nvim.lua("for _, each in ipairs(vim.lsp.get_clients()) do each.stop(each, true) end")
    nvim.until("#vim.lsp.get_clients() == 0")
    nvim.keys(":AidStatus<CR>")
    nvim.until_said('aid: there is no program "aid-nowhere": install AID, or name it in vim.g.aid.command')
    nvim.keys(":lua require('aid').setup({ enable = false })<CR>:AidStatus<CR>")
    nvim.until_said("aid: it is switched off: vim.g.aid.enable is false")


def test_a_project_is_what_the_daemon_takes_for_one(shop: Any, nvim: Any) -> None:
    tools = shop.root / "lib" / "tools"
    tools.mkdir()
    (tools / "package.json").write_text("{}")
    (tools / "a.js").write_text("1\n")
    (shop.home / "Makefile").write_text("all:\n")
    for file in (tools / "a.js", shop.root / "lib" / "price.ml", shop.home / "Makefile"):
        nvim.keys(f":edit {file}<CR>")
        nvim.until(f"vim.api.nvim_buf_get_name(0) == {json.dumps(str(file))}")
        root = {tools: tools, shop.home: shop.home}.get(file.parent, shop.root)
        assert nvim.eval("require('aid.client').root(0)") == str(root)
    assert nvim.lua("return select(2, require('aid.client').root(0))") is False, (
        "a stray Makefile at home is no project"
    )
