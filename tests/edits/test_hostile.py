"""Whatever a reply or a file holds, nothing raises and nothing takes long."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aid.edits import Document, Format, Rejected, check_path, describe, parse, plan, unified

FORMATS: list[Format] = ["search-replace", "udiff", "apply-patch", "whole", "line-range"]
PIECES = st.sampled_from(
    [
        "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "<<<<<<< LINES 1-2\n", ">>>>>>> END\n", "a\n",
        "a.py\n", "b\r\n", "\n",
        "```\n", "````\n", "```a.py\n", "~~~\n", "@@ -1,2 +1,2 @@\n", "@@\n", "@@ -0,0 +1 @@\n", "--- a/a.py\n",
        "+++ b/a.py\n",
        "--- /dev/null\n", "+++ /dev/null\n", "diff --git a/a.py b/a.py\n", "new file mode 100644\n",
        "deleted file mode 100644\n",
        "rename from a.py\n", "rename to b.py\n", "new mode 100755\n", "*** Begin Patch\n", "*** End Patch\n",
        "*** Update File: a.py\n",
        "*** Add File: b.py\n", "*** Delete File: a.py\n", "*** Move to: c.py\n", "*** End of File\n",
        "*** Rename File: a.py\n",
        "*** Mode 755 File: a.py\n", " a\n", "-a\n", "+b\n", "-", "+", "\\ No newline at end of file\n", "1| a\n",
        "\ufeff", "\x0c",
        ":start_line:1\n", "-------\n", "\u2028", "𝛌", "\x85", "../", "/etc/passwd\n", ".git/x\n",
    ]
)  # fmt: skip
REPLIES = st.text(max_size=80) | st.lists(PIECES | st.text("ab \n\t\r", max_size=4), max_size=25).map("".join)
CONTENTS = st.none() | st.binary(max_size=60) | st.lists(PIECES, max_size=10).map(lambda rows: "".join(rows).encode())


@settings(deadline=None, max_examples=400)
@given(reply=REPLIES, format=st.sampled_from([*FORMATS, "auto"]), content=CONTENTS, known=st.booleans())
def test_any_reply_over_any_file(reply: str, format: Format, content: bytes | None, known: bool) -> None:
    document = None if content is None else Document(path="a.py", content=content)
    edits = parse(reply, format, paths=["a.py"] if known else ())
    assert edits
    planned = plan(edits, {"a.py": document}.get)
    assert unified(planned.changes) == planned.diff
    for change in planned.changes:
        assert check_path(change.path) is None
        assert change.before == (content if (change.old_path or change.path) == "a.py" else None)
    for rejected in planned.rejected:
        text = None if content is None else content.decode("utf-8", "replace")
        assert isinstance(rejected, Rejected) and describe(rejected, text)
    planned.diff.encode()


BIG = 200_000  # enough for quadratic work to run into the tests' own time limit


@pytest.mark.parametrize(
    "make",
    [
        lambda: "<<<<<<< SEARCH\n" * (BIG // 15),
        lambda: "".join("<" * (5 + n) + " SEARCH\n" for n in range(1300)) + "=\n" * 1000,
        lambda: "a\n" + "<<<<<<< SEARCH\n" + "=======\n" * (BIG // 8) + ">>>>>>> REPLACE\n",
        lambda: "```py\n" * (BIG // 6),
        lambda: "a.md\n```\n```\n" * (BIG // 13),
        lambda: "@@\n" * (BIG // 3),
        lambda: "--- a\n+++ a\n" * (BIG // 12),
        lambda: "@@ -1,9 +1,9 @@\n-a\n" * (BIG // 19),
        lambda: "*** Begin Patch\n*** Update File: a\n" + "@@\n-a\n+b\n" * (BIG // 9),
        lambda: "*** Update File: a\n" * (BIG // 19),
        lambda: "*** Rename File: a\n" * (BIG // 19),
        lambda: "a\n<<<<<<< LINES\n" + "1| a\n" * (BIG // 5) + "=======\n>>>>>>> END\n",
        lambda: "`" * BIG,
        lambda: " " * BIG,
        lambda: "a.py\n<<<<<<< SEARCH\n" + " " * (BIG - 200) + "\n=======\nx\n>>>>>>> REPLACE\n",
        lambda: ("a.py `b/c.py` " * 6 + "\n") * (BIG // 90) + "<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n",
        lambda: '"' + "\\" * BIG + '"\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n',
    ],
)  # fmt: skip
@pytest.mark.parametrize("format", [*FORMATS, "auto"])
def test_large_replies_take_linear_work(make: Callable[[], str], format: Format) -> None:
    edits = parse(make(), format)
    planned = plan(edits, {"a": Document(path="a", content=b"a\n" * 1000)}.get)
    assert planned.rejected or planned.unchanged or planned.changes


@pytest.mark.parametrize(
    ("document", "search"),
    [
        ("\n" * 300_000, "\n" * 1000),
        ("a\n" * 300_000, "a\n" * 1000 + "b\n"),
        ("".join(f"{n % 7} some text\n" for n in range(60_000)), "".join(f"{n % 5} some text\n" for n in range(390))),
        (" a\n" * 100_000, "a\n" * 500),
        ("x" * 900_000 + "\n", "x" * 400_000 + "y\n"),
    ],
)
def test_repetitive_files_take_bounded_work(document: str, search: str) -> None:
    reply = f"a.py\n<<<<<<< SEARCH\n{search}=======\nnew\n>>>>>>> REPLACE\n"
    planned = plan(parse(reply), {"a.py": Document(path="a.py", content=document.encode())}.get)
    assert planned.rejected
