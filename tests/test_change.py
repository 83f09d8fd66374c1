"""Merging change sets: doing one and then the other is doing the merged one."""

from hypothesis import given
from hypothesis import strategies as st

from ces.change import FileChange, merge

PATHS = ("a", "b", "c")
contents = st.binary(max_size=3)
trees = st.dictionaries(st.sampled_from(PATHS), contents, max_size=3)


def apply(tree: dict[str, bytes], changes: tuple[FileChange, ...]) -> dict[str, bytes]:
    after = dict(tree)
    for change in changes:
        assert after.get(change.old_path or change.path) == change.before
        after.pop(change.old_path or change.path, None)
    for change in changes:
        if change.after is not None:
            assert change.path not in after
            after[change.path] = change.after
    return after


def difference(before: dict[str, bytes], after: dict[str, bytes]) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path=path, before=before.get(path), after=after.get(path))
        for path in PATHS
        if before.get(path) != after.get(path)
    )


@given(trees, trees, trees)
def test_merging_is_doing_one_after_the_other(
    start: dict[str, bytes], middle: dict[str, bytes], end: dict[str, bytes]
) -> None:
    merged = merge(difference(start, middle), difference(middle, end))
    assert apply(start, merged) == end


def test_a_rename_after_an_edit_is_one_rename() -> None:
    edit = FileChange(path="a", before=b"1", after=b"2")
    rename = FileChange(path="b", old_path="a", before=b"2", after=b"3")
    assert merge([edit], [rename]) == (FileChange(path="b", old_path="a", before=b"1", after=b"3"),)


def test_a_file_made_and_removed_again_is_no_change() -> None:
    made = FileChange(path="a", before=None, after=b"1")
    removed = FileChange(path="a", before=b"1", after=None)
    assert merge([made], [removed]) == ()
