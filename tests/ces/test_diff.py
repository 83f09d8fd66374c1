"""Diffs are read strictly, and what git writes is applied as git applies it."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ces.change import FileChange
from ces.diff import Malformed, Misfit, apply, parse

TREE = {"a.ml": b"one\ntwo\nthree\nfour\n", "b.ml": b"let x = 1", "dup": b"x\ny\nx\ny\n"}


def outcome(diff: str, tree: dict[str, bytes] = TREE) -> object:
    """The files after the diff, or why not."""
    files = parse(diff)
    if isinstance(files, Malformed):
        return f"format: {files.reason}"
    changes = apply(files, tree.get)
    if isinstance(changes, Misfit):
        return f"apply: {changes.path} {changes.reason}"
    return {(change.old_path, change.path): change.after for change in changes}


def test_a_hunk_at_its_line() -> None:
    assert outcome("--- a/a.ml\n+++ b/a.ml\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n") == {
        (None, "a.ml"): b"one\nTWO\nthree\nfour\n"
    }


def test_a_hunk_that_moved_to_the_only_place() -> None:
    diff = "--- a/a.ml\n+++ b/a.ml\n@@ -10,2 +10,2 @@\n two\n-three\n+3\n"
    assert outcome(diff) == {(None, "a.ml"): b"one\ntwo\n3\nfour\n"}


def test_no_newline_at_the_end_comes_and_goes() -> None:
    diff = "--- a/b.ml\n+++ b/b.ml\n@@ -1 +1 @@\n-let x = 1\n\\ No newline at end of file\n+let x = 2\n"
    assert outcome(diff) == {(None, "b.ml"): b"let x = 2\n"}
    diff = "--- a/a.ml\n+++ b/a.ml\n@@ -4 +4 @@\n-four\n+four\n\\ No newline at end of file\n"
    assert outcome(diff) == {(None, "a.ml"): b"one\ntwo\nthree\nfour"}


def test_new_deleted_renamed_and_mode() -> None:
    diff = (
        "diff --git a/n.ml b/n.ml\nnew file mode 100755\n--- /dev/null\n+++ b/n.ml\n@@ -0,0 +1 @@\n+new\n"
        "diff --git a/b.ml b/b.ml\ndeleted file mode 100644\n--- a/b.ml\n+++ /dev/null\n"
        "@@ -1 +0,0 @@\n-let x = 1\n\\ No newline at end of file\n"
        "diff --git a/a.ml b/c.ml\nsimilarity index 100%\nrename from a.ml\nrename to c.ml\n"
    )
    files = parse(diff)
    assert not isinstance(files, Malformed)
    changes = apply(files, TREE.get)
    assert changes == (
        FileChange(path="n.ml", before=None, after=b"new\n", mode=0o755),
        FileChange(path="b.ml", before=b"let x = 1", after=None),
        FileChange(path="c.ml", before=TREE["a.ml"], after=TREE["a.ml"], old_path="a.ml"),
    )


def test_a_copy_leaves_its_source_which_may_change_too() -> None:
    diff = (
        "diff --git a/a.ml b/a.ml\n--- a/a.ml\n+++ b/a.ml\n@@ -1 +1 @@\n-one\n+ONE\n"
        "diff --git a/a.ml b/c.ml\nsimilarity index 75%\ncopy from a.ml\ncopy to c.ml\n"
        "--- a/a.ml\n+++ b/c.ml\n@@ -2 +2 @@\n-two\n+TWO\n"
    )
    assert outcome(diff) == {
        (None, "a.ml"): b"ONE\ntwo\nthree\nfour\n",
        (None, "c.ml"): b"one\nTWO\nthree\nfour\n",
    }


@pytest.mark.parametrize(
    ("diff", "why"),
    [
        ("hello", "format: not a unified diff: there is no"),
        ("--- a/a.ml\n+++ b/a.ml\n@@ -1,9 +1,9 @@\n one\n", "format: not a unified diff: Hunk is shorter"),
        ("--- a/a.ml\n+++ b/a.ml\n@@ -1,1 +1,1 @@\n-one\n+ONE\n+more\n", "format: line 6 of the diff is in no hunk"),
        ("--- a/a.ml\n+++ b/a.ml\n@@ -1 +1 @@\n-none\n+ONE\n", "apply: a.ml has no place, or several"),
        ("--- a/dup\n+++ b/dup\n@@ -7,2 +7,2 @@\n x\n-y\n+z\n", "apply: dup has no place, or several"),
        ("--- a/gone\n+++ b/gone\n@@ -1 +1 @@\n-x\n+y\n", "apply: gone is not there"),
        ("--- /dev/null\n+++ b/a.ml\n@@ -0,0 +1 @@\n+x\n", "apply: a.ml exists already"),
        ("diff --git a/a.ml b/dup\nrename from a.ml\nrename to dup\n", "apply: dup exists already"),
        ("diff --git a/a.ml b/dup\ncopy from a.ml\ncopy to dup\n", "apply: dup exists already"),
        ("--- a/a.ml\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", "apply: a.ml is deleted, but"),
        ("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/\n", "format: not"),
    ],
)  # fmt: skip
def test_refuses_with_the_reason(diff: str, why: str) -> None:
    assert str(outcome(diff)).startswith(why)


def test_an_empty_diff_changes_nothing() -> None:
    assert outcome("") == {} and outcome("\n \n") == {}


def test_line_ends_that_changed_on_the_way_are_the_files() -> None:
    headers, hunk = "--- a/f\n+++ b/f\n", "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    crlf = hunk.replace("\n", "\r\n").replace("@@\r", "@@")  # as `git diff` writes one between two files with CRLF
    whole = (headers + hunk).replace("\n", "\r\n")  # as a program that turns all text to CRLF leaves one
    unix, dos = b"one\ntwo\nthree\n", b"one\r\ntwo\r\nthree\r\n"
    for diff in (headers + hunk, headers + crlf, whole):
        assert outcome(diff, {"f": unix}) == {(None, "f"): unix.replace(b"two", b"2")}
        assert outcome(diff, {"f": dos}) == {(None, "f"): dos.replace(b"two", b"2")}
    cut = whole + "\\ No newline at end of file\r\n"
    assert outcome(cut, {"f": unix[:-1]}) == {(None, "f"): b"one\n2\nthree"}


def test_a_diff_that_changes_line_ends_does_so() -> None:
    diff = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-one\r\n-two\r\n+one\n+two\n"
    assert outcome(diff, {"f": b"one\r\ntwo\r\n"}) == {(None, "f"): b"one\ntwo\n"}


def test_line_ends_of_two_kinds_are_not_guessed() -> None:
    diff = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert outcome(diff, {"f": b"one\ntwo\r\nthree\n"}) == (
        "apply: f fits but for line ends: the file's lines end in LF and CRLF, the diff's in LF."
        " Make the diff from the file as it is"
    )
    mixed = diff.replace(" one\n", " one\r\n")
    assert "the file's lines end in LF, the diff's in LF and CRLF" in str(outcome(mixed, {"f": b"one\ntwo\n"}))


ROWS = st.lists(st.sampled_from(["a", "b", "", "- x", "+ y", "-- z", "é\f", "r\r", "@@ -1 +1 @@"]), max_size=12)
FILES = st.dictionaries(
    st.sampled_from(["f", "dir/g h", "é.ml", 'q"uote']),
    st.tuples(ROWS, st.booleans()).map(lambda t: "\n".join(t[0]) + ("\n" if t[0] and t[1] else "")),
    max_size=3,
)


def git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, check=True).stdout


@settings(deadline=None, max_examples=60)
@given(before=FILES, after=FILES)
def test_what_git_writes_gives_what_git_had(
    before: dict[str, str], after: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("git")
    git(root, "init", "-q")
    trees = []
    for files in (before, after):
        for old in before if files is after else ():
            (root / old).unlink()
        for path, text in files.items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_bytes(text.encode())
        git(root, "add", "-A")
        trees.append(git(root, "write-tree").decode().strip())
    diff = git(root, "diff", "-M", *trees).decode("utf-8", "surrogateescape")
    tree = {path: text.encode() for path, text in before.items()}
    result = outcome(diff, tree)
    assert isinstance(result, dict), (result, diff)
    for (old, path), content in result.items():
        tree.pop(old or path, None)
        if content is not None:
            tree[path] = content
    assert tree == {path: text.encode() for path, text in after.items()}


@given(st.text(alphabet=st.sampled_from('+- @ab\n/1,\\\r"'), max_size=200))
def test_no_text_makes_it_raise(text: str) -> None:
    for diff in (text, "--- a/a.ml\n+++ b/a.ml\n@@ -1,2 +1,2 @@\n" + text):
        outcome(diff)


def test_a_path_is_where_the_test_of_paths_sees_it(tmp_path: Path) -> None:
    assert outcome("--- a/../x\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n", {}) == {(None, "../x"): b"x\n"}
