"""Lines that alone may change."""

import pytest

from aid.edits.edit import Plan
from aid.session.bounds import Bounds, within
from ces.change import FileChange

TEXT = "".join(f"line {n}\n" for n in range(1, 11))
THREE_TO_FIVE = Bounds("a.txt", 3, 5)


def change(old: str, new: str, path: str = "a.txt", **fields: object) -> FileChange:
    after = TEXT.replace(old, new).encode()
    return FileChange(**({"path": path, "before": TEXT.encode(), "after": after} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "inside",
    [
        change("line 3\n", "3\n"),
        change("line 5\n", ""),
        change("line 3\nline 4\nline 5\n", "all\n"),
        change("line 3\n", "above\nline 3\n"),
        change("line 5\n", "line 5\nbelow\n"),
    ],
)
def test_what_stays_within_is_kept(inside: FileChange) -> None:
    plan = Plan(changes=(inside,), diff="d")
    assert within(plan, THREE_TO_FIVE) is plan


@pytest.mark.parametrize(
    ("outside", "told"),
    [
        (change("line 2\n", "2\n"), "the edit reaches line 2, only lines 3 to 5 of a.txt may change"),
        (change("line 5\nline 6\n", "5\n"), "the edit reaches line 6, only lines 3 to 5 of a.txt may change"),
        (change("line 4", "4", path="b.txt"), "only lines 3 to 5 of a.txt may change"),
        (change("", "", after=None), "only lines 3 to 5 of a.txt may change"),
        (change("line 4", "4", old_path="c.txt"), "only lines 3 to 5 of a.txt may change"),
    ],
)
def test_what_reaches_outside_is_refused_and_the_rest_kept(outside: FileChange, told: str) -> None:
    found = within(Plan(changes=(outside,)), THREE_TO_FIVE)
    assert (found.changes, [(each.path, each.reason) for each in found.rejected]) == ((), [(outside.path, told)])


def test_a_whole_file_may_change_and_no_other() -> None:
    both = Plan(changes=(change("line 1\n", "1\n"), change("line 1\n", "1\n", path="b.txt")))
    found = within(both, Bounds("a.txt"))
    assert [each.path for each in found.changes] == ["a.txt"]
    assert [each.reason for each in found.rejected] == ["only a.txt may change"]
    assert "b.txt" not in found.diff
