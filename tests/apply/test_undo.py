import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aid.apply import apply, history, redo, undo
from aid.errors import ApplyError, StaleError, UsageError
from ces.change import FileChange

TEN = "".join(f"{number}\n" for number in range(10))


def test_takes_back_the_latest_then_the_one_before(root: Path) -> None:
    first = apply(root, [new("a")]).id
    second = apply(root, [new("b")]).id
    assert undo(root).id == second
    assert undo(root).id == first
    assert names(root) == []
    assert redo(root).id == first
    assert redo(root).id == second
    assert names(root) == ["a", "b"]


def test_takes_back_the_one_that_is_named(root: Path) -> None:
    first = apply(root, [new("a")]).id
    apply(root, [new("b")])
    assert undo(root, first).id == first
    assert names(root) == ["b"]


def test_says_what_undoing_did(root: Path) -> None:
    (root / "f").write_text(TEN)
    (root / "g").write_text("x")
    changes = [new("n"), change("f", TEN, TEN + "ten\n"), FileChange(path="h", old_path="g", before=b"x", after=b"x")]
    apply(root, changes)
    assert [(file.path, file.status, file.old_path, file.added, file.removed) for file in undo(root).files] == [
        ("n", "deleted", None, 0, 1),
        ("f", "modified", None, 0, 1),
        ("g", "renamed", "h", 0, 0),
    ]


def test_keeps_edits_made_elsewhere_in_the_file(root: Path) -> None:
    (root / "f").write_text(TEN)
    apply(root, [change("f", TEN, TEN.replace("5\n", "five\n"))])
    (root / "f").write_text((root / "f").read_text().replace("8\n", "mine\n"))
    undo(root)
    assert (root / "f").read_text() == TEN.replace("8\n", "mine\n")
    redo(root)
    assert (root / "f").read_text() == TEN.replace("8\n", "mine\n").replace("5\n", "five\n")
    (root / "f").write_text((root / "f").read_text().replace("1\n", "again\n"))
    undo(root)
    assert (root / "f").read_text() == TEN.replace("8\n", "mine\n").replace("1\n", "again\n")


def test_refuses_where_the_same_lines_were_edited_and_changes_nothing(root: Path) -> None:
    (root / "f").write_text(TEN)
    (root / "g").write_text("x")
    id_ = apply(root, [change("f", TEN, TEN.replace("5\n", "five\n")), change("g", "x", None), new("n")]).id
    (root / "f").write_text(TEN.replace("5\n", "cinq\n"))
    (root / "n").write_text("n\nmine\n")
    with pytest.raises(StaleError) as refused:
        undo(root, id_)
    assert [tuple(each) for each in refused.value.refused] == [
        ("f", "edited since", (6,)),
        ("n", "edited since", (2,)),
    ]
    assert names(root) == ["f", "n"]
    assert history(root, 1)[0].state == "applied"


def test_a_deleted_file_comes_back_with_its_mode(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "f").write_text("x")
    (root / "d" / "f").chmod(0o750)
    apply(root, [change("d/f", "x", None)])
    (root / "d").rmdir()
    undo(root)
    assert stat.S_IMODE((root / "d" / "f").stat().st_mode) == 0o750


def test_refuses_to_bring_a_file_back_over_a_new_one(root: Path) -> None:
    (root / "f").write_text("x")
    apply(root, [change("f", "x", None)])
    (root / "f").write_text("mine")
    with pytest.raises(StaleError, match="f: exists already"):
        undo(root)
    assert (root / "f").read_text() == "mine"


def test_a_renamed_file_goes_back_with_the_edits_made_to_it(root: Path) -> None:
    (root / "a").write_text(TEN)
    before, after = TEN.encode(), TEN.replace("5\n", "five\n").encode()
    apply(root, [FileChange(path="b", old_path="a", before=before, after=after)])
    (root / "b").write_text((root / "b").read_text().replace("0\n", "mine\n"))
    undo(root)
    assert names(root) == ["a"]
    assert (root / "a").read_text() == TEN.replace("0\n", "mine\n")
    redo(root)
    assert names(root) == ["b"]
    undo(root)
    (root / "b").write_text("in the way")
    with pytest.raises(StaleError, match="b: exists already"):
        redo(root)


def test_a_mode_set_since_is_kept(root: Path) -> None:
    (root / "f").write_text("1\n2\n3\n")
    apply(root, [FileChange(path="f", before=b"1\n2\n3\n", after=b"1\n2\n3\n", mode=0o755)])
    (root / "f").chmod(0o700)
    undo(root)
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o700


def test_removes_the_directories_it_made_when_they_are_empty(root: Path) -> None:
    apply(root, [new("a/b/c/n"), new("a/d/n")])
    (root / "a" / "d" / "mine").write_text("")
    undo(root)
    assert names(root) == ["a", "a/d", "a/d/mine"]
    (root / "a" / "d" / "mine").unlink()
    redo(root)
    assert names(root) == ["a", "a/b", "a/b/c", "a/b/c/n", "a/d", "a/d/n"]


def test_what_is_gone_already_needs_no_taking_back(root: Path) -> None:
    apply(root, [new("n")])
    (root / "n").unlink()
    undo(root)
    redo(root)
    assert names(root) == ["n"]


@pytest.mark.parametrize("act", [undo, redo])
def test_an_id_that_is_wrong_is_one_clear_line(root: Path, act: object) -> None:
    assert callable(act)
    with pytest.raises(ApplyError, match="nothing to"):
        act(root)
    id_ = apply(root, [new("n")]).id
    if act is undo:
        undo(root)
    with pytest.raises(UsageError, match=f"{id_} is (undone|applied) already: 'aid (redo|undo) {id_}' changes that"):
        act(root, id_)
    with pytest.raises(UsageError, match="no change set 'nope' in this workspace: 'aid log' lists them"):
        act(root, "nope")


def test_the_log_lists_the_latest_first(root: Path) -> None:
    first = apply(root, [new("a")], summary="make a\nnow", id="one").id
    second = apply(root, [new("b")]).id
    undo(root, first)
    assert [(entry.id, entry.state, entry.summary) for entry in history(root, 9)] == [
        (first, "undone", "make a now"),
        (second, "applied", ""),
    ]
    assert [file.status for file in history(root, 1)[0].files] == ["added"]


CONTENT = st.one_of(st.binary(max_size=30), st.text("ab\n\r", max_size=30).map(str.encode))
MODES = st.sampled_from([0o644, 0o600, 0o755, 0o444])
PATHS = st.sampled_from(["a", "b", "c", "d/a", "d/b", "d/e/a", "f/g/h/i", "ü/…"])
TREES = st.dictionaries(PATHS, st.tuples(CONTENT, MODES), max_size=6)


@st.composite
def trees_and_changes(draw: st.DrawFn) -> tuple[dict[str, tuple[bytes, int]], list[FileChange]]:
    files = draw(TREES)
    free = draw(st.permutations(sorted({"a", "b", "c", "d/a", "d/b", "d/e/a", "f/g/h/i", "n/m"} - set(files))))
    changes = []
    for path, (content, _) in files.items():
        kind = draw(st.sampled_from(["keep", "modify", "delete", "rename", "mode"]))
        after, mode = draw(CONTENT), draw(st.none() | MODES)
        if kind == "modify":
            changes.append(FileChange(path=path, before=content, after=after, mode=mode))
        elif kind == "delete":
            changes.append(FileChange(path=path, before=content, after=None))
        elif kind == "mode":
            changes.append(FileChange(path=path, before=content, after=content, mode=mode))
        elif kind == "rename" and free:
            text = draw(st.sampled_from([content, after]))
            changes.append(FileChange(path=free.pop(), old_path=path, before=content, after=text, mode=mode))
    changes += [FileChange(path=path, before=None, after=draw(CONTENT)) for path in free[: draw(st.integers(0, 2))]]
    return files, changes


@settings(max_examples=120, deadline=None)
@given(trees_and_changes())
def test_undo_is_the_inverse_of_apply_and_redo_of_undo(
    case: tuple[dict[str, tuple[bytes, int]], list[FileChange]],
) -> None:
    files, changes = case
    with TemporaryDirectory(prefix="aid") as directory:
        root = Path(directory)
        for path, (content, mode) in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            (root / path).chmod(mode)
        old = snapshot(root)
        try:
            apply(root, changes)
        except ApplyError as error:
            assert "nothing to change" in str(error)
            assert snapshot(root) == old
            return
        applied = snapshot(root)
        for _ in range(2):
            undo(root)
            assert snapshot(root) == old
            redo(root)
            assert snapshot(root) == applied


def snapshot(root: Path) -> dict[str, tuple[bytes, int] | None]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) if path.is_file() else None
        for path in root.rglob("*")
    }


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def new(path: str) -> FileChange:
    return FileChange(path=path, before=None, after=b"n\n")


def change(path: str, before: str, after: str | None) -> FileChange:
    return FileChange(path=path, before=before.encode(), after=None if after is None else after.encode())
