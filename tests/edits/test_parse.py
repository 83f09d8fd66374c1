"""What each format's replies are read as, and which pieces are refused."""

import pytest

from aid.edits import Edit, Format, Rejected, parse


def check(reply: str, expected: str, *, format: Format | None = None, paths: tuple[str, ...] = ()) -> None:
    """`expected` has a line per edit: `op path: old lines => new lines`, or `refused path: reason`."""
    lines = []
    for edit in parse(reply, format or "auto", paths=paths):
        if isinstance(edit, Rejected):
            lines.append(f"refused {edit.path}: {edit.reason}")
            continue
        parts = [f"{edit.op} {edit.path}"]
        parts += [f"to {edit.new_path}"] if edit.new_path else []
        parts += [f"mode {edit.mode:o}"] if edit.mode is not None else []
        parts += [f"at {edit.start}"] if edit.start else []
        parts += [f"under {edit.headings}"] if edit.headings else []
        parts += [f"final newline {edit.final_newline}"] if edit.final_newline is not None else []
        if edit.op in ("replace", "create", "write"):
            parts.append(f"{'|'.join(edit.old)} => {'|'.join(edit.new)}")
        lines.append(": ".join(parts))
    assert "\n".join(lines) == expected


BLOCK = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    "name",
    ["a.ml", "### a.ml", "**a.ml**", "`a.ml`:", "File: a.ml", "a.ml:", "./a.ml", '"a.ml"', "a.ml\n```ocaml", "```a.ml"],
)
def test_names_stand_above_a_block_in_many_ways(name: str) -> None:
    check(f"{name}\n{BLOCK}", "replace a.ml: old => new")


def test_prose_and_fences_may_stand_between_blocks() -> None:
    reply = f"First:\n\n```\na.ml\n{BLOCK}```\n\nThen the rest of it.\n\n```\n{BLOCK}```\nDone.\n"
    check(reply, "replace a.ml: old => new\nreplace a.ml: old => new")


def test_prose_that_names_another_file_leaves_a_block_without_one() -> None:
    check(
        f"a.ml\n{BLOCK}\nNow the same in `b.ml`, too:\n\n{BLOCK}",
        "replace a.ml: old => new\nrefused None: no file name above this edit: "
        "write the path alone on the line before, in double quotes if it has blanks",
    )


def test_the_only_known_file_needs_no_name() -> None:
    check(f"Here you are:\n\n{BLOCK}", "replace lib/a.ml: old => new", paths=("lib/a.ml",))


def test_a_cut_off_block_is_refused() -> None:
    check(
        "a.ml\n<<<<<<< SEARCH\nold\n=======\nne",
        "refused a.ml: the block has no '>>>>>>> REPLACE' line: it is cut off",
    )


def test_longer_markers_hold_text_that_looks_like_markers() -> None:
    reply = "a.rst\n<<<<<<<<< SEARCH\nTitle\n=======\n=========\nTitel\n=======\n>>>>>>>>> REPLACE\n"
    check(reply, "replace a.rst: Title|======= => Titel|=======")
    check(
        "a.rst\n<<<<<<< SEARCH\nTitle\n=======\n=======\nTitel\n=======\n>>>>>>> REPLACE\n",
        "refused a.rst: the block has several '=======' lines: use longer markers, all three alike, around such text",
    )


def test_a_start_line_above_the_search_is_a_hint() -> None:
    reply = "a.ts\n<<<<<<< SEARCH\n:start_line:7\n-------\nold\n=======\nnew\n>>>>>>> REPLACE\n"
    check(reply, "replace a.ts: at 7: old => new")


def test_whole_files_can_be_deleted_renamed_and_made_executable() -> None:
    reply = "*** Delete File: a\n*** Rename File: b\n*** Move to: c/b\n*** Mode 755 File: d\n"
    check(reply, "delete a\nrename b: to c/b\nmode d: mode 755")


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", ".git/config", "a/.HG/x", "C:/x", "a/../../b", "..\\x"])
def test_paths_outside_the_workspace_are_refused(path: str) -> None:
    for reply in (f"{path}\n{BLOCK}", f"--- {path}\n+++ {path}\n@@\n-a\n+b\n", f"*** Delete File: {path}\n"):
        assert all(isinstance(edit, Rejected) for edit in parse(reply, paths=(path,))), reply


def test_line_ranges_quote_numbered_lines() -> None:
    reply = "a.ml\n<<<<<<< LINES 10-11\n10| let x\n11| \n=======\nlet y\n>>>>>>> END\n"
    check(reply, "replace a.ml: at 10: let x| => let y")


def test_an_unquoted_line_range_is_refused() -> None:
    check(
        "a.ml\n<<<<<<< LINES 10-11\n=======\nlet y\n>>>>>>> END\n",
        "refused a.ml: the range's lines are not quoted: write each with its number, as '10| text'",
    )


def test_replacement_lines_with_numbers_are_refused() -> None:
    check(
        "a.ml\n<<<<<<< LINES\n10| let x\n=======\n10| let y\n>>>>>>> END\n",
        "refused a.ml: the replacement's lines carry line numbers: write them plain",
    )


def test_a_diff_needs_no_right_numbers() -> None:
    expected = "replace a.ml: at 5: x|y => x|z\nreplace a.ml: under ('let f',): p => q"
    check("--- a/a.ml\n+++ b/a.ml\n@@ -5,9 +5,1 @@\n x\n-y\n+z\n@@ let f\n-p\n+q\n", expected)


def test_a_diff_in_a_fence_with_prose_around() -> None:
    reply = "Sure:\n\n```diff\n--- a/a.ml\n+++ b/a.ml\n@@ ... @@\n x\n-y\n+z\n```\n\nThat is all.\n"
    check(reply, "replace a.ml: under ('...',): x|y => x|z")


def test_removed_lines_that_look_like_a_header_are_lines() -> None:
    reply = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- old remark\n+++ new remark\n select 1\n"
    check(reply, "replace q.sql: at 1: -- old remark|select 1 => ++ new remark|select 1")


def test_git_headers() -> None:
    reply = (
        "diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n"
        "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"
        "diff --git a/o b/o\ndeleted file mode 100644\n--- a/o\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "diff --git a/p b/q\nrename from p\nrename to q\n"
        'diff --git "a/\\303\\251" "b/\\303\\251"\nold mode 100644\nnew mode 100755\n'
    )
    expected = "create n: mode 755: final newline False:  => x\ndelete o\nrename p: to q\nmode é: mode 755"
    check(reply, expected)


def test_binary_patches_are_refused() -> None:
    check(
        "diff --git a/x.png b/x.png\nGIT binary patch\nliteral 3\n",
        "refused x.png: binary patches and copies are not supported: give the new text",
    )


def test_an_envelope() -> None:
    reply = (
        "*** Begin Patch\n*** Add File: n\n+x\n*** Update File: a\n*** Move to: b\n@@ class A\n@@ def f\n x\n-y\n+z\n"
        "*** End of File\n*** Delete File: o\n*** End Patch\n*** Delete File: not/this\n"
    )
    check(reply, "create n:  => x\nrename a: to b\nreplace a: under ('class A', 'def f'): x|y => x|z\ndelete o")


def test_whole_files() -> None:
    reply = "a.ml\n```ocaml\nlet x = 1\n```\n\n**b.md**\n````\n```\ncode\n```\n````\n"
    check(reply, "write a.ml:  => let x = 1\nwrite b.md:  => ```|code|```")


def test_a_command_in_a_fence_is_no_file() -> None:
    check(
        "Run `a.sh` like this:\n\n```\n./a.sh --all\n```\n",
        "refused None: no file name above the code: write the path alone on the line before, "
        "in double quotes if it has blanks",
        paths=("a.sh",),
    )


def test_a_markdown_file_that_could_end_in_several_places_is_refused() -> None:
    check(
        "a.md\n```\nText\n```\ncode\n```\nmore\n```\n",
        "refused a.md: several fences could close the file's text: put a longer one around it",
    )


def test_a_reply_with_carriage_returns_throughout_means_none() -> None:
    check(f"a.ml\n{BLOCK}".replace("\n", "\r\n"), "replace a.ml: old => new")


def test_oversized_and_undecodable_replies_are_refused() -> None:
    for reply in ("x" * 1_000_001, "a\0b", "\ud800"):
        found = parse(reply)
        assert len(found) == 1 and isinstance(found[0], Rejected)
    assert "at most 1,000 are read" in str(parse(f"a.ml\n{BLOCK}" * 1001)[0])


def test_what_comes_back_quotes_the_reply() -> None:
    edit = parse(f"a.ml\n{BLOCK}")[0]
    assert isinstance(edit, Edit) and edit.raw == f"a.ml\n{BLOCK}".rstrip("\n")


FOR_A = {
    "search-replace": f"a.ml\n{BLOCK}",
    "line-range": "a.ml\n<<<<<<< LINES\n1| old\n=======\nnew\n>>>>>>> END\n",
    "whole": "a.ml\n```\nnew\n```\n",
}
FORMATS: tuple[Format, ...] = ("search-replace", "line-range", "whole")


def second(format: Format, name: str, paths: tuple[str, ...] = ()) -> str:
    """Where the second of two edits goes, the first being a.ml's; `refused` where that is said."""
    body = FOR_A[format]
    edits = parse(f"{body}\n{name}\n{body.partition(chr(10))[2]}", format, paths=paths)
    assert len(edits) == 2 and edits[0].path == "a.ml" and isinstance(edits[0], Edit)
    if isinstance(edits[1], Rejected):
        assert "write the path alone on the line before, in double quotes if it has blanks" in edits[1].reason
        return "refused"
    return edits[1].path


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("path", ["read me.txt", "docs/läs mig.md", "x/日本 語.txt", "notes (old).txt"])
@pytest.mark.parametrize("spelling", ["{}", "`{}`", "**{}**", "File: {}", "### {}", "'{}'", '"{}"', "{}:", "**`{}`**:"])
def test_a_known_name_with_blanks_is_one_in_every_spelling(format: Format, path: str, spelling: str) -> None:
    assert second(format, spelling.format(path), ("a.ml", path)) == path


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "name",
    ["File: read me.txt", "**File:** `read me.txt`", '"read me.txt"', "Path: `läs mig.txt`", "**Filename: a b.c**"],
)
def test_a_labelled_or_quoted_name_may_have_blanks(format: Format, name: str) -> None:
    assert second(format, name) in ("read me.txt", "läs mig.txt", "a b.c")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["`read me.txt`", "**`read me.txt`**", "### `read me.txt`:", "'read me.txt'"])
def test_backticks_around_blanks_may_hold_a_command_above_a_fence(format: Format, name: str) -> None:
    assert second(format, name) == ("refused" if format == "whole" else "read me.txt")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "line",
    ["read me.txt", "**read me.txt**", "## read me.txt", "read me.txt:", "- b.ml", "notes (old).txt", "`Read Me`"],
)
def test_a_line_that_may_be_a_name_is_refused(format: Format, line: str) -> None:
    assert second(format, line) == "refused"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "line", ["Now change read me.txt", "Then I fix b.py", "read a.ml", "File: Read Me", "read me.txt\n"]
)
def test_a_line_that_may_be_a_name_or_a_sentence_is_refused(format: Format, line: str) -> None:
    assert second(format, line) == "refused"


@pytest.mark.parametrize("format", FORMATS[:2])
@pytest.mark.parametrize(
    "line",
    [
        "Now change `read me.txt` like so:",
        "Then b.py needs it.",
        "Also in `b.ml`, too:",
        "Makefile\n",
        "`Makefile`\n",
        '"`"`',
    ],
)
def test_nothing_is_inherited_past_another_file(format: Format, line: str) -> None:
    assert second(format, line) == "refused"


@pytest.mark.parametrize("format", FORMATS[:2])
@pytest.mark.parametrize(
    "line", ["", "```ocaml", "And the rest, e.g. the tests:", "Then in `a.ml`:", "Done.\n", "I fix a.ml, too.", "Next:"]
)
def test_the_file_before_is_inherited_past_what_names_none(format: Format, line: str) -> None:
    assert second(format, line) == "a.ml"


@pytest.mark.parametrize("line", ["Here is the change to a.ml:", "In a.ml:", "Now change read a.ml"])
def test_a_sentence_that_ends_in_the_file_before_is_for_it_unless_a_longer_name_is_known(line: str) -> None:
    assert second("search-replace", line) == "a.ml"
    assert second("search-replace", line, ("a.ml", "read a.ml")) == "refused"
    check(f"{line}\n{BLOCK}", "replace lib/a.ml: old => new", paths=("lib/a.ml",))


def test_a_name_with_blanks_on_the_opening_line_or_a_fence() -> None:
    beside = BLOCK.replace("SEARCH", "SEARCH read me.txt")
    assert isinstance(parse(f"a.ml\n{BLOCK}{beside}")[1], Rejected)
    assert second("search-replace", "```text read me.txt", ("read me.txt", "me.txt")) == "read me.txt"
    assert isinstance(parse("```text read me.txt\nnew\n```\n", paths=("read me.txt",))[0], Edit)


def test_a_command_below_a_sentence_that_ends_in_a_name_is_no_edit() -> None:
    check("a.ml\n```\nnew\n```\n\nNow run main.py:\n\n```sh\n./main.py\n```\n", "write a.ml:  => new")
