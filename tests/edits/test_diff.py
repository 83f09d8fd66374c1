"""The unified diff: what git makes of it, its single hunks, and its text."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aid.edits import hunks, select, unified
from ces.change import FileChange

WORDS = st.sampled_from(
    ["a", "b", "c", "", "x y", "é", "\ta", "a\r", "-a", "+b", "@@", "\\ No newline", "\x0c", "\u2028"]
)
TEXTS = st.builds(
    lambda rows, final: ("\n".join(rows) + ("\n" if final else "")).encode(),
    st.lists(WORDS, max_size=25),
    st.booleans(),
)


def check(change: FileChange, expected: str) -> None:
    assert unified([change]) == expected


def test_a_changed_file() -> None:
    before = b"".join(b"%d\n" % n for n in range(1, 21))
    change = FileChange(
        path="a.ml", before=before, after=before.replace(b"\n4\n", b"\nfour\n").replace(b"\n18\n", b"\n")
    )
    check(
        change,
        "diff --git a/a.ml b/a.ml\n--- a/a.ml\n+++ b/a.ml\n"
        "@@ -1,7 +1,7 @@\n 1\n 2\n 3\n-4\n+four\n 5\n 6\n 7\n"
        "@@ -15,6 +15,5 @@\n 15\n 16\n 17\n-18\n 19\n 20\n",
    )


def test_files_that_come_and_go() -> None:
    check(
        FileChange(path="a b", before=None, after=b"x"),
        "diff --git a/a b b/a b\nnew file mode 100644\n--- /dev/null\n+++ b/a b\t\n"
        "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n",
    )
    check(
        FileChange(path="a", before=b"x\n", after=None),
        "diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
    )
    check(FileChange(path="a", before=None, after=b""), "diff --git a/a b/a\nnew file mode 100644\n")


def test_a_moved_file() -> None:
    check(
        FileChange(path="b", old_path="a", before=b"x\n", after=b"x\n", mode=0o755),
        "diff --git a/a b/b\nold mode 100644\nnew mode 100755\nrename from a\nrename to b\n",
    )


def test_binary_files_are_only_named() -> None:
    check(
        FileChange(path="a", before=b"\0", after=b"\0\1"),
        "diff --git a/a b/a\nBinary files a/a and b/a differ\n",
    )


def test_nothing_changed_is_no_diff() -> None:
    check(FileChange(path="a", before=b"x\n", after=b"x\n"), "")


def test_single_hunks_can_be_taken() -> None:
    before = b"".join(b"%d\n" % n for n in range(1, 31)) + b"end"
    after = before.replace(b"\n4\n", b"\nfour\n").replace(b"\n18\n", b"\n") + b"\n"
    change = FileChange(path="a", before=before, after=after)
    assert len(hunks(change)) == 3
    assert select(change, [0]).after == before.replace(b"\n4\n", b"\nfour\n")
    assert select(change, [1]).after == before.replace(b"\n18\n", b"\n")
    assert select(change, [2]).after == before + b"\n"
    assert select(change, [0, 1, 2]) == change
    assert select(change, []).after == before
    assert select(FileChange(path="a", before=None, after=b"x\n"), []).after is None


@settings(deadline=None, max_examples=200)
@given(before=TEXTS, after=TEXTS, chosen=st.lists(st.booleans(), max_size=10))
def test_hunks_taken_and_left_make_the_whole_change(before: bytes, after: bytes, chosen: list[bool]) -> None:
    change = FileChange(path="a", before=before, after=after)
    found = hunks(change)
    assert select(change, range(len(found))).after == after
    assert select(change, []).after == (before if found else after)
    part = select(change, [index for index, take in enumerate(chosen) if take])
    assert part.after is not None
    assert len(hunks(part)) <= len(found)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(st.none() | TEXTS, st.none() | TEXTS), min_size=1, max_size=4), moved=st.booleans())
def test_git_applies_what_is_written(tree: Path, texts: list[tuple[bytes | None, bytes | None]], moved: bool) -> None:
    names = ["a.ml", "dir/b c.txt", 'q"é.py', "𝛌"]
    changes = []
    for name, (before, after) in zip(names, texts, strict=False):
        if before == after:
            continue
        old = f"old-{name.replace('/', '-')}" if moved and before is not None and after is not None else None
        changes.append(FileChange(path=name, old_path=old, before=before, after=after))
    _clear(tree)
    for change in changes:
        if change.before is not None:
            path = tree / (change.old_path or change.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(change.before)
    diff = unified(changes)
    if diff:
        command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"]
        done = subprocess.run(command, cwd=tree, input=diff.encode(), capture_output=True, check=False)
        assert done.returncode == 0, (done.stderr, diff)
    for change in changes:
        path = tree / change.path
        assert (path.read_bytes() if path.exists() else None) == change.after, diff
        assert change.old_path is None or not (tree / change.old_path).exists()


def _clear(tree: Path) -> None:
    for path in sorted(tree.rglob("*"), reverse=True):
        if ".git" not in path.parts:
            path.rmdir() if path.is_dir() else path.unlink()
