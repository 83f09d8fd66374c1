"""What of a reply is for a person: all but the edits."""

from hypothesis import given
from hypothesis import strategies as st

from aid.edits import prose, render
from aid.edits.edit import Format
from ces.change import FileChange

BLOCK = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE"
CHANGES = (
    FileChange(path="lib/a.ml", before=b"one\ntwo\nthree\n", after=b"one\n2\nthree\n"),
    FileChange(path="b.py", before=None, after=b"print()\n"),
)
FORMATS: tuple[Format, ...] = ("search-replace", "udiff", "apply-patch", "whole", "line-range")


def check(reply: str, expected: str, format: Format = "search-replace") -> None:
    assert prose(reply, format) == expected


def test_the_edits_and_their_file_names_go() -> None:
    check(
        f"I change a.\n\nlib/a.ml\n{BLOCK}\n\nAnd now b:\n\n**lib/b.ml**\n{BLOCK}\nDone.",
        "I change a.\n\nAnd now b:\n\nDone.",
    )


def test_the_fences_around_an_edit_go() -> None:
    check(f"So:\n\n```ocaml\nlib/a.ml\n{BLOCK}\n```\n\nDone.", "So:\n\nDone.")
    check(f"So:\n\nlib/a.ml\n```ocaml\n{BLOCK}\n```\n\nDone.", "So:\n\nDone.")


def test_code_that_is_no_edit_stays() -> None:
    example = "Like this:\n\n```ocaml\nlet x = 1\n```"
    check(f"{example}\n\nlib/a.ml\n{BLOCK}\n", example)


def test_a_reply_without_edits_stays_as_it_is() -> None:
    check("No change is needed in lib/a.ml:\n\n- it is right", "No change is needed in lib/a.ml:\n\n- it is right")


def test_what_every_format_renders_is_no_prose() -> None:
    for format in FORMATS:
        check(render(CHANGES, format), "", format)
        patch = render(CHANGES, format)
        framed = f"```diff\n{patch}```\n" if format == "udiff" else patch  # else its last hunk has no end
        check(f"Before.\n\n{framed}\nAfter.", "Before.\n\nAfter.", format)


def test_edits_that_stand_nowhere_as_they_are_cost_no_more_than_others() -> None:
    long = "\n".join(f"line {number}" for number in range(3000))
    check(f"So:\n\na.txt\n```\n{long}\n```\n", "So:", "whole")
    many = "".join(f"lib/a.ml\n```\n{BLOCK}\n```\n\n" for _ in range(1000))
    check(f"So:\n\n{many}Done.", "So:\n\nDone.")


def test_a_diff_with_times_in_its_header_goes_whole() -> None:
    diff = "--- a/lib/a.ml\t2026-01-01\n+++ b/lib/a.ml\t2026-01-02\n@@ -1 +1 @@\n-one\n+two\n"
    check(f"So:\n\n```diff\n{diff}```\n\nDone.", "So:\n\nDone.", "udiff")


@given(st.text())
def test_any_text_has_prose(text: str) -> None:
    for format in FORMATS:
        assert isinstance(prose(text, format), str)
