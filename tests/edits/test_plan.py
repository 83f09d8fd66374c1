"""All edits of a reply together: files made, moved and deleted, order, overlaps, what is all or nothing."""

from aid.edits import Document, parse, plan


def check(files: dict[str, str], reply: str, expected: str) -> None:
    """`expected` has a line per change, `status path: text`, then what is unchanged, then what is refused."""
    documents = {path: Document(path=path, content=text.encode()) for path, text in files.items()}
    planned = plan(parse(reply, paths=files), documents.get)
    lines = []
    for change in planned.changes:
        name = f"{change.old_path} -> {change.path}" if change.old_path else change.path
        mode = f" mode {change.mode:o}" if change.mode is not None else ""
        lines.append(f"{change.status} {name}{mode}: {None if change.after is None else change.after.decode()!r}")
    lines += [f"unchanged {path}" for path in planned.unchanged]
    lines += [f"refused {rejected.path} {list(rejected.near)}: {rejected.reason}" for rejected in planned.rejected]
    assert "\n".join(lines) == expected


def block(path: str, old: str, new: str) -> str:
    sides = ["".join(f"{line}\n" for line in side.split("|") if side) for side in (old, new)]
    return f"{path}\n<<<<<<< SEARCH\n{sides[0]}=======\n{sides[1]}>>>>>>> REPLACE\n"


def test_edits_of_a_file_come_in_any_order() -> None:
    reply = block("a", "three", "3") + block("a", "one", "1|uno")
    check({"a": "one\ntwo\nthree\n"}, reply, "modified a: '1\\nuno\\ntwo\\n3\\n'")


def test_edits_may_share_context() -> None:
    reply = block("a", "one|two", "1|two") + block("a", "two|three", "two|3")
    check({"a": "one\ntwo\nthree\n"}, reply, "modified a: '1\\ntwo\\n3\\n'")


def test_overlapping_edits_are_refused() -> None:
    check(
        {"a": "one\ntwo\nthree\n"},
        block("a", "one|two", "1|2") + block("a", "two|three", "zwei|3"),
        "modified a: '1\\n2\\nthree\\n'\n"
        "refused a [2]: the edit changes lines that another edit of the reply changes too: make them one",
    )


def test_the_same_edit_twice_is_one() -> None:
    check({"a": "one\ntwo\n"}, block("a", "two", "2") * 2, "modified a: 'one\\n2\\n'")


def test_an_edit_may_quote_what_another_one_writes() -> None:
    reply = block("a", "two", "2|new line") + block("a", "2|new line", "2|newer line")
    check({"a": "one\ntwo\n"}, reply, "modified a: 'one\\n2\\nnewer line\\n'")


def test_one_refusal_leaves_the_other_files_to_be_seen() -> None:
    check(
        {"a": "one\n", "b": "two\n"},
        block("a", "one", "1") + block("b", "nothing like it", "2"),
        "modified a: '1\\n'\n"
        "refused b []: the lines to replace are not in the file: quote them exactly as they stand there",
    )


def test_no_op_and_applied_edits_are_unchanged() -> None:
    reply = block("a", "one", "one") + block("b", "def old_name()", "def new_name(): pass")
    check({"a": "one\n", "b": "def new_name(): pass\n"}, reply, "unchanged a\nunchanged b")


def test_an_empty_search_makes_a_file() -> None:
    check({}, block("new/a", "", "one"), "added new/a: 'one\\n'")


def test_an_empty_search_does_not_overwrite() -> None:
    check(
        {"a": "one\n"},
        block("a", "", "two"),
        "refused a []: the edit quotes no lines of the file, so nothing says where it goes: quote the lines around it",
    )


def test_a_missing_file_can_not_be_edited() -> None:
    check({}, block("a", "one", "two"), "refused a []: there is no such file")


def test_a_file_made_can_be_edited_in_the_same_reply() -> None:
    check({}, block("a", "", "one|two") + block("a", "two", "2"), "added a: 'one\\n2\\n'")


def test_moves_and_edits() -> None:
    reply = "*** Begin Patch\n*** Update File: a\n*** Move to: d/b\n@@\n-one\n+1\n*** End Patch\n"
    check({"a": "one\ntwo\n"}, reply, "renamed a -> d/b: '1\\ntwo\\n'")


def test_a_move_that_was_made_is_unchanged() -> None:
    reply = "*** Rename File: a\n*** Move to: b\n"
    check({"b": "2\n"}, reply, "unchanged a")
    check({}, reply, "refused a []: there is no such file to rename")


def test_a_move_does_not_overwrite() -> None:
    reply = "*** Rename File: a\n*** Move to: b\n"
    check({"a": "1\n", "b": "2\n"}, reply, "refused a []: it can't be renamed to b: that file is there already")


def test_a_delete_that_quotes_another_text_is_refused() -> None:
    diff = "diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-{}\n"
    check({"a": "one\n"}, diff.format("one"), "deleted a: None")
    expected = "refused a []: the file holds something else than the diff that deletes it says"
    check({"a": "one\n"}, diff.format("two"), expected)


def test_a_mode_alone_is_a_change() -> None:
    check({"a": "one\n"}, "*** Mode 755 File: a\n", "modified a mode 755: 'one\\n'")
    check({"a": "one\n"}, "*** Mode 644 File: a\n", "unchanged a")


def test_contradictions_about_a_whole_file_are_refused() -> None:
    reply = "a\n```\nx\n```\n\na\n```\ny\n```\n"
    check({"a": "1\n"}, reply, "refused a []: the reply says two different things about the whole file")
    reply = "*** Delete File: a\n" + block("a", "1", "2")
    check({"a": "1\n"}, reply, "refused a []: the reply both deletes the file and edits it")


def test_a_file_can_not_be_a_folder_too() -> None:
    reply = block("a", "", "x") + block("a/b", "", "y")
    expected = "added a: 'x\\n'\nadded a/b: 'y\\n'\nrefused a/b []: the reply makes a file of one of its folders"
    check({}, reply, expected)


def test_binary_files_are_not_edited() -> None:
    check({"a": "x\0y\n"}, block("a", "x", "z"), "refused a []: the file is binary")


def test_bytes_that_are_not_utf_8_stay() -> None:
    document = Document(path="a", content=b"caf\xe9\nold\n")
    planned = plan(parse(block("a", "old", "new")), {"a": document}.get)
    assert planned.changes[0].after == b"caf\xe9\nnew\n"
    assert "caf\ufffd" in planned.diff
