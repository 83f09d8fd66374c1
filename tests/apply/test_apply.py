import os
import stat
from pathlib import Path

import pytest

from aid.apply import apply, history, undo
from aid.errors import ApplyError, StaleError, UsageError
from ces.change import FileChange


def edit(path: str, before: str | None, after: str | None, old_path: str | None = None) -> FileChange:
    return FileChange(
        path=path,
        before=None if before is None else before.encode(),
        after=None if after is None else after.encode(),
        old_path=old_path,
    )


def test_writes_every_kind_of_change_at_once(root: Path) -> None:
    (root / "changed").write_text("one\ntwo\n")
    (root / "gone").write_text("x\n")
    (root / "old").write_text("1\n2\n3\n")
    result = apply(
        root,
        [
            edit("changed", "one\ntwo\n", "one\n2\n"),
            edit("a/b/new", None, "n"),
            edit("gone", "x\n", None),
            edit("moved/new", "1\n2\n3\n", "1\n2\n", old_path="old"),
        ],
    )
    assert tree(root) == {"changed": "one\n2\n", "a/b/new": "n", "moved/new": "1\n2\n"}
    assert [(file.path, file.status, file.added, file.removed) for file in result.files] == [
        ("changed", "modified", 1, 1),
        ("a/b/new", "added", 1, 0),
        ("gone", "deleted", 0, 1),
        ("moved/new", "renamed", 0, 1),
    ]
    assert result.notes == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([edit("f", "other", "x")], "f: edited since (line 1)"),
        ([edit("missing", "other", "x")], "missing: deleted or renamed since"),
        ([edit("f", None, "x")], "f: exists already"),
        ([edit("dir/g", "1", "1", old_path="f")], "dir/g: exists already"),
        ([edit("f", "now", None), edit("f", None, "x")], "f: is changed twice"),
        ([edit("f", "now", "x"), edit("h", "now", "now", old_path="f")], "f: is changed twice"),
        ([edit("f/g", None, "x")], "f is a file, not a directory"),
        ([edit("dir", None, "x")], "dir is a directory"),
        ([edit("n", None, "x"), edit("n/m", None, "x")], "n can't be a file and its directory at once"),
        ([edit("../f", None, "x")], "'../f' is not a path inside the workspace"),
        ([edit("dir/h", "1", "1", old_path="../f")], "'../f' is not a path inside the workspace"),
        ([edit(".git/hooks/pre-commit", None, "x")], "belongs to version control"),
        ([edit("link", "now", "x")], "link is a symbolic link"),
        ([edit("link", "now", None)], "link is a symbolic link"),
        ([edit("out/f", None, "x")], "out is a symbolic link, not a directory"),
        ([edit("f", "now", "now")], "nothing to change"),
        ([], "nothing to change"),
    ],
)
def test_refuses_and_changes_nothing(root: Path, changes: list[FileChange], said: str) -> None:
    (root / "f").write_text("now")
    (root / "dir").mkdir()
    (root / "dir" / "g").write_text("1")
    (root / "link").symlink_to("f")
    (root / "out").symlink_to("..")
    before = tree(root)
    with pytest.raises(ApplyError) as refused:
        apply(root, [edit("fine", None, "x"), *changes] if changes and "nothing to" not in said else changes)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert tree(root) == before
    assert history(root, 5) == []


def test_names_every_file_that_stands_in_the_way(root: Path) -> None:
    (root / "a").write_text("1\n2\n3\n")
    with pytest.raises(StaleError) as refused:
        apply(root, [edit("a", "1\nb\n3\n", "1\nc\n3\n"), edit("b", "x", "y"), edit("c", None, "fine")])
    assert [tuple(each) for each in refused.value.refused] == [
        ("a", "edited since", (2,)),
        ("b", "deleted or renamed since", ()),
    ]


def test_changes_a_file_that_was_edited_elsewhere(root: Path) -> None:
    (root / "f").write_text("0\n1\n2\n3\n4\n5\n")
    apply(root, [edit("f", "1\n2\n3\n4\n", "1\n2\nX\n4\n")])
    assert (root / "f").read_text() == "0\n1\n2\nX\n4\n5\n"


def test_leaves_out_a_file_that_is_already_as_wanted(root: Path) -> None:
    (root / "f").write_text("new")
    result = apply(root, [edit("f", "old", "new"), edit("g", None, "x")])
    assert [file.path for file in result.files] == ["g"]
    undo(root)
    assert tree(root) == {"f": "new"}


def test_keeps_the_mode_and_sets_one_that_is_named(root: Path) -> None:
    (root / "kept").write_text("1")
    (root / "kept").chmod(0o754)
    (root / "set").write_text("1")
    changes = [
        edit("kept", "1", "2"),
        FileChange(path="set", before=b"1", after=b"1", mode=0o755),
        FileChange(path="new", before=None, after=b"", mode=0o4755),
    ]
    apply(root, changes)
    assert [mode(root / name) for name in ("kept", "set", "new")] == [0o754, 0o755, 0o755]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_keeps_the_owner(root: Path) -> None:
    (root / "f").write_text("1")
    os.chown(root / "f", 12345, 54321)
    apply(root, [edit("f", "1", "2")])
    undo(root)
    seen = (root / "f").stat()
    assert (seen.st_uid, seen.st_gid) == (12345, 54321)
    apply(root, [edit("f", "1", None)])
    undo(root)
    seen = (root / "f").stat()
    assert (seen.st_uid, seen.st_gid) == (12345, 54321)


def test_notes_a_hard_link_that_is_broken(root: Path) -> None:
    (root / "f").write_text("1")
    (root / "g").hardlink_to(root / "f")
    assert apply(root, [edit("f", "1", "2")]).notes == ("f had 2 hard links: the others keep the old text",)
    assert tree(root) == {"f": "2", "g": "1"}


def test_a_taken_id_gets_a_number(root: Path) -> None:
    assert apply(root, [edit("a", None, "1")], id="p7").id == "p7"
    assert apply(root, [edit("b", None, "1")], id="p7").id == "p7-2"
    assert apply(root, [edit("c", None, "1")], id="p7").id == "p7-3"
    with pytest.raises(ApplyError, match="can't be an id"):
        apply(root, [edit("d", None, "1")], id="../x")


def test_never_changes_its_own_state(home: Path) -> None:
    trusted = "config/aid/trusted"
    with pytest.raises(ApplyError, match="AID's own"):
        apply(home, [edit(trusted, None, "x")])
    assert not (home / trusted).exists()


def test_the_journal_is_private_and_outside_the_workspace(home: Path, root: Path) -> None:
    apply(root, [edit("f", None, "secret")])
    journals = list((home / "state").rglob("journal"))
    assert len(journals) == 1
    assert mode(journals[0]) == 0o700
    assert {mode(file) for file in journals[0].iterdir()} == {0o600}
    assert tree(root) == {"f": "secret"}


def test_says_what_is_wrong_with_the_workspace_or_the_state(
    home: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ApplyError, match=r"can.t open the workspace .*: No such file"):
        apply(root / "missing", [edit("f", None, "x")])
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "file"))
    with pytest.raises(UsageError, match="XDG"):
        apply(root, [edit("f", None, "x")])
    assert tree(root) == {}


def tree(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
