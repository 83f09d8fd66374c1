"""A change rendered in a format, parsed and planned again is that change, byte for byte."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aid.edits import Document, Format, parse, plan, render
from ces.change import FileChange

FORMATS: list[Format] = ["search-replace", "udiff", "apply-patch", "whole", "line-range"]

LOOKS_LIKE_MARKERS = [
    "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "<<<<<<< LINES", ">>>>>>> END", "<<<<<<<< SEARCH", "========",
    "```", "````", "```python", "~~~", "@@ -1,2 +1,2 @@", "@@", "--- a/x", "+++ b/x", "-- a/x", "++ b/x",
    "diff --git a/x b/x",
    "*** Begin Patch", "*** End Patch", "*** Update File: x", "*** End of File", "*** Delete File: x", "12| text",
    "1| a",
    "2| b", "\\ No newline at end of file", ":start_line:4", "-------", "...", "a.py", "+plus", "-minus", " blank",
    "file.txt:", "new file mode 100755", "rename from x",
]  # fmt: skip
PLAIN = [
    "",
    "",
    "a",
    "b",
    "    return None",
    "\treturn None",
    "  x",
    "x  ",
    "}",
    "é",
    "𝛌 = 😀",
    "\x0c",
    "a\x85b",
    "\u2028",
    "a\rb",
]

lines = st.lists(st.sampled_from(PLAIN + LOOKS_LIKE_MARKERS) | st.text("ab \t", max_size=3), max_size=12)
paths = st.sampled_from(
    ["a.py", "Makefile", "dir/b c.txt", "naïve/𝛌.ml", "x/.gitignore", 'q"uote.py', "README.md", "a'b"]
)


def _content(rows: list[str], newline: str, final: bool, bom: bool) -> bytes:
    text = "".join(row + newline for row in rows)
    if rows and not final:
        text = text.removesuffix(newline)
    return (("\ufeff" if bom else "") + text).encode()


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A file and the file after some lines of it were replaced, in any newline style, sometimes mixed."""
    rows = draw(lines)
    after = list(rows)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(after)))
        end = draw(st.integers(start, min(len(after), start + 3)))
        after[start:end] = draw(st.lists(st.sampled_from(PLAIN + LOOKS_LIKE_MARKERS), max_size=3))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    if draw(st.integers(0, 3)) == 0:
        rows = [row + draw(st.sampled_from(["", "\r"])) for row in rows]
    bom = draw(st.booleans())
    before = _content(rows, newline, draw(st.booleans()), bom)
    return before, _content(after, newline, draw(st.booleans()), bom if draw(st.integers(0, 5)) else not bom)


@st.composite
def changes(draw: st.DrawFn) -> tuple[FileChange, ...]:
    found = []
    for path in draw(st.lists(paths, min_size=1, max_size=3, unique=True)):
        before, after = draw(edited())
        match draw(st.sampled_from(["modified", "modified", "modified", "added", "deleted", "renamed", "mode"])):
            case "added":
                mode = draw(st.sampled_from([None, 0o755]))
                found.append(FileChange(path=path, before=None, after=after, mode=mode))
            case "deleted":
                found.append(FileChange(path=path, before=before, after=None))
            case "renamed":
                found.append(FileChange(path="moved/" + path, old_path=path, before=before, after=after))
            case "mode":
                found.append(FileChange(path=path, before=before, after=before, mode=0o755))
            case _ if before != after:
                found.append(FileChange(path=path, before=before, after=after))
    return tuple(found)


def _files(wanted: tuple[FileChange, ...]) -> dict[str, Document]:
    return {
        change.old_path or change.path: Document(path=change.old_path or change.path, content=change.before)
        for change in wanted
        if change.before is not None
    }


def check_round_trip(wanted: tuple[FileChange, ...], format: Format, *, auto: bool = False) -> None:
    reply = render(wanted, format)
    planned = plan(parse(reply, "auto" if auto else format), _files(wanted).get) if wanted else None
    if planned is not None:
        assert planned.rejected == (), reply
        assert planned.changes == wanted, reply


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=changes())
def test_a_rendered_change_comes_back(format: Format, wanted: tuple[FileChange, ...]) -> None:
    if format == "line-range":  # a line of blanks is quoted by what can be seen of it: a form feed in it isn't told
        assume(not any(b"\x0c" in (text or b"") for change in wanted for text in (change.before, change.after)))
    check_round_trip(wanted, format)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbf", b"\xef\xbb\xbf12| text"),
        (b"12| text\r\n\r\n", b"12| text\r\n"),
        (b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbf1| a\nb\n"),
    ],
)
def test_lines_that_look_numbered_keep_line_ends_and_mark(before: bytes, after: bytes) -> None:
    reply = render([FileChange(path="a.txt", before=before, after=after)], "line-range")
    planned = plan(parse(reply, "line-range"), {"a.txt": Document(path="a.txt", content=before)}.get)
    assert not planned.rejected and [change.after for change in planned.changes] == [after], reply
