"""A whole file in which a line stands for a part left out is refused; what only looks alike is written."""

import pytest

from aid.edits import Document, parse, plan

OLD = "import os\n\na = 1\nb = 2\n\nprint(a)\n"
REFUSED = "refused: the reply leaves out a part of the file: give all of it, or SEARCH/REPLACE"


def check(line: str, expected: str, *, old: str | None = OLD) -> None:
    """`expected` is what becomes of a file `old` whose whole text is given as `line` and one changed line."""
    documents = {} if old is None else {"a.py": Document(path="a.py", content=old.encode())}
    planned = plan(parse(f"a.py\n```\n{line}\nb = 3\n```\n", "auto"), documents.get)
    told = [f"{each.status}: {(each.after or b'').decode()!r}" for each in planned.changes]
    told += [f"refused: {each.reason}" for each in planned.rejected]
    assert "\n".join(told) == expected


@pytest.mark.parametrize(
    "line",
    [
        "# ... existing code ...",
        "    # ...",
        "# …",
        "#...",
        "// ... rest of the file",
        "-- … the other functions …",
        "(* ... remaining definitions unchanged ... *)",
        "(* ... *)",
        "<!-- ... rest unchanged ... -->",
        ";; ... same as before",
        "/* ... previous code ... */",
        "{/* ... existing props ... */}",
        "# [... rest of the code ...]",
        "# rest of the code unchanged...",
        "// keep the existing code ...",
        "# The rest of the code remains the same.",
        "# existing code here",
        "... rest unchanged ...",
    ],
)
def test_a_whole_file_that_leaves_a_part_out_is_refused(line: str) -> None:
    check(line, REFUSED)


@pytest.mark.parametrize(
    "line",
    [
        "...",
        "    ...",
        "def f(): ...  # the rest",
        "# wait until all the other threads end...",
        "# a, b, ...",
        "print('... rest unchanged ...')",
        "#[derive(...)]",
        "x = [*rest, ...]",
        "# the same for b",
    ],
)
def test_what_is_no_gap_is_written(line: str) -> None:
    written = f"{line}\nb = 3\n"
    check(line, f"modified: {written!r}")


def test_a_gap_the_file_has_itself_is_its_text() -> None:
    check("# ...", "modified: '# ...\\nb = 3\\n'", old="# ...\nb = 2\n")
    check("# ...\n# ...", REFUSED, old="# ...\nb = 2\n")


def test_a_new_file_leaves_nothing_out() -> None:
    check("# ...", "added: '# ...\\nb = 3\\n'", old=None)
    check("# ...", "modified: '# ...\\nb = 3\\n'", old="")
