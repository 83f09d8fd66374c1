import shutil
import subprocess
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aid.apply import rebase
from aid.apply.rebase import hunks, lines
from aid.edits.edit import Rejected
from aid.errors import Refusal
from ces.change import FileChange

LETTERS = "abcdefgh"


def check(before: str, after: str, current: str, expected: str) -> None:
    """Each text is letters, one a line; "!" in `expected` begins the reason for a refusal."""
    change = FileChange(path="f", before=spread(before), after=spread(after))
    moved = rebase(change, spread(current))
    if isinstance(moved, Rejected):
        assert f"!{Refusal(None, moved.reason, moved.near)}" == expected
    else:
        assert moved.before == spread(current)
        assert moved.after is not None
        assert moved.after.decode().replace("\n", "") == expected


def spread(text: str) -> bytes:
    return "".join(f"{letter}\n" for letter in text).encode()


def test_an_untouched_file_needs_no_moving() -> None:
    change = FileChange(path="f", before=b"a", after=b"b")
    assert rebase(change, b"a") is change


@pytest.mark.parametrize(
    ("before", "after", "current", "expected"),
    [
        ("abcdef", "abXdef", "YYabcdef", "YYabXdef"),
        ("abcdef", "abXdef", "abcdefYY", "abXdefYY"),
        ("abcdef", "abXdef", "YbcdeY", "YbXdeY"),
        ("abcdef", "abdef", "abcdeY", "abdeY"),
        ("abcdef", "abcXdef", "Yabcdef", "YabcXdef"),
        ("abcdefgh", "aXcdefYh", "abcdZefgh", "aXcdZefYh"),
        ("abcdef", "Xbcdef", "abcdY", "XbcdY"),
        ("abcdef", "abcdeX", "Ybcdef", "YbcdeX"),
        ("abcdef", "Xbcdef", "Yabcdef", "YXbcdef"),
    ],
)
def test_moves_past_edits_elsewhere(before: str, after: str, current: str, expected: str) -> None:
    check(before, after, current, expected)


@pytest.mark.parametrize(
    ("before", "after", "current", "expected"),
    [
        ("abcdef", "abXdef", "abYdef", "!edited since (line 3)"),
        ("abcdef", "abXdef", "aYcdef", "!edited since (line 2)"),
        ("abcdef", "abXdef", "abcYef", "!edited since (line 4)"),
        ("abcdef", "abXdef", "abdef", "!edited since (line 3)"),
        ("abcdef", "abcdefX", "abcdefY", "!edited since (line 7)"),
        ("abcdef", "Xabcdef", "Yabcdef", "!edited since (line 1)"),
        ("abcdef", "abXdef", "abYYYdef", "!edited since (lines 3-5)"),
        ("abcdef", "abXdef", "", "!edited since (line 1)"),
    ],
)
def test_refuses_where_the_same_lines_were_edited(before: str, after: str, current: str, expected: str) -> None:
    check(before, after, current, expected)


def test_refuses_a_place_that_was_copied() -> None:
    check("abcdef", "abXdef", "abcdefabcd", "!its place is no longer unique (lines 2, 8)")


def test_takes_in_neighbours_until_a_repeated_place_is_unique() -> None:
    check("xabcyabcz", "xabcyaBcz", "xabcyabczQ", "xabcyaBczQ")
    check("xabcyabcz", "xabcyaBcz", "QabcyabczQ", "QabcyaBczQ")
    check("xabcyabcz", "xabcyaBcz", "xabcQabcz", "!edited since (line 5)")


def test_never_moves_a_deletion() -> None:
    change = FileChange(path="f", before=b"a\nb\n", after=None)
    assert rebase(change, b"a\nb\nc\n") == Rejected(path="f", reason="edited since", near=(3,))
    assert rebase(change, None) == Rejected(path="f", reason="deleted or renamed since")


def test_never_replaces_a_file_that_was_to_be_new() -> None:
    assert rebase(FileChange(path="f", before=None, after=b"a"), b"b") == Rejected(path="f", reason="exists already")


def test_heeds_line_endings_and_the_final_newline() -> None:
    change = FileChange(path="f", before=b"a\r\nb\r\nc\r\nd", after=b"a\r\nB\r\nc\r\nd")
    moved = rebase(change, b"a\r\nb\r\nc\r\nd\r\ne")
    assert isinstance(moved, FileChange) and moved.after == b"a\r\nB\r\nc\r\nd\r\ne"
    assert isinstance(rebase(change, b"a\nb\nc\nd"), Rejected)
    last = FileChange(path="f", before=b"a\nb", after=b"a\nB")
    assert isinstance(rebase(last, b"a\nbc"), Rejected)


def test_a_binary_file_is_one_line() -> None:
    change = FileChange(path="f", before=b"\0\1\2", after=b"\0\1\3")
    assert rebase(change, b"\0\1\4") == Rejected(path="f", reason="edited since", near=(1,))


TEXT = st.text("abc", max_size=12)


@given(TEXT, TEXT)
def test_hunks_turn_one_text_into_the_other(old: str, new: str) -> None:
    one, other = lines(spread(old)), lines(spread(new))
    result: list[bytes] = []
    at = 0
    for hunk in hunks(one, other):
        result += [*one[at : hunk.first], *other[hunk.new_first : hunk.new_last]]
        at = hunk.last
    assert [*result, *one[at:]] == other


@given(TEXT, TEXT, TEXT)
def test_a_moved_change_keeps_every_line_of_both(before: str, after: str, current: str) -> None:
    """What is moved adds and removes exactly the lines the change does, however the file was edited."""
    change = FileChange(path="f", before=spread(before), after=spread(after))
    moved = rebase(change, spread(current))
    if isinstance(moved, FileChange) and moved.after is not None:
        for letter in "abc":
            gained = after.count(letter) - before.count(letter)
            assert moved.after.decode().count(letter) == current.count(letter) + gained


@given(st.integers(0, 2**32))
def test_edits_in_different_regions_of_distinct_lines_always_merge(seed: int) -> None:
    random = Random(seed)
    base = [f"line {number}" for number in range(30)]
    ours_at = random.randrange(0, 30)
    theirs_at = random.choice([number for number in range(30) if abs(number - ours_at) > 1])
    ours, theirs = base.copy(), base.copy()
    ours[ours_at] = "ours"
    theirs[theirs_at] = "theirs"
    both = ours.copy()
    both[theirs_at] = "theirs"
    before, after, current, merged = ("\n".join(text).encode() for text in (base, ours, theirs, both))
    moved = rebase(FileChange(path="f", before=before, after=after), current)
    assert isinstance(moved, FileChange) and moved.after == merged


def test_a_row_of_equal_lines_is_one_place() -> None:
    check("xaaay", "xaay", "xaay", "!edited since (line 4)")
    check("xaaay", "xaay", "Qxaaay", "Qxaay")
    check("xaaa", "xaaba", "xaaaa", "!edited since (line 5)")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_what_git_merges_cleanly_is_merged_alike_or_refused(seed: int) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    random = Random(seed)
    letters = LETTERS[: random.choice([3, 8])]
    base = [random.choice(letters) for _ in range(random.randrange(1, 20))]
    texts = [spread("".join(text)) for text in (base, edited(base, random), edited(base, random))]
    with TemporaryDirectory() as directory:
        paths = [Path(directory) / name for name in ("base", "ours", "theirs")]
        for path, text in zip(paths, texts, strict=True):
            path.write_bytes(text)
        command = ["git", "merge-file", "-p", str(paths[2]), str(paths[0]), str(paths[1])]
        merged = subprocess.run(command, capture_output=True, check=False)
    moved = rebase(FileChange(path="f", before=texts[0], after=texts[1]), texts[2])
    if merged.returncode == 0 and isinstance(moved, FileChange):
        assert moved.after == merged.stdout


def edited(text: list[str], random: Random) -> list[str]:
    """`text` with one or two lines added, removed or replaced."""
    text = text.copy()
    for _ in range(random.randrange(1, 3)):
        at = random.randrange(len(text) + 1)
        text[at : at + random.randrange(2)] = random.choice([[], [random.choice(LETTERS)]])
    return text
