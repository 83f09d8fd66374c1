"""Rendered diffs, through the real `git apply`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ces.change import FileChange
from ces.errors import BadChange
from ces.render_diff import render

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
LINES = st.lists(st.sampled_from(["", "a", "b", " c", "-d", "+e", "\\ f", "g\r", "\x0c", "h\x85i\u2028j"]), max_size=12)


def apply(changes: list[FileChange], *, reverse: bool = False) -> dict[str, bytes]:
    """The files after `git apply` of the rendered diff on the state before (after, when reversed)."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for change in changes:
            path, content = (change.path, change.after) if reverse else (change.old_path or change.path, change.before)
            if content is not None:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(content)
        flags = ["-R"] if reverse else []
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", *flags],
            cwd=root, input=render(changes).encode(), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stderr.decode(), render(changes))
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


def text(lines: list[str], ended: bool) -> bytes:
    return ("\n".join(lines) + ("\n" if ended else "")).encode()


@needs_git
@settings(max_examples=60, deadline=None)
@given(LINES, st.booleans(), LINES, st.booleans())
def test_git_apply_gives_the_exact_bytes_both_ways(a: list[str], a_end: bool, b: list[str], b_end: bool) -> None:
    before, after = text(a, a_end), text(b, b_end)
    if before == after:
        assert render([FileChange(path="f", before=before, after=after)]) == ""
        return
    change = FileChange(path="f", before=before, after=after)
    assert apply([change]) == {"f": after}
    assert apply([change], reverse=True) == {"f": before}


@needs_git
def test_files_come_go_move_and_change_mode() -> None:
    changes = [
        FileChange(path="new file", before=None, after=b"x\ny"),
        FileChange(path="empty", before=None, after=b""),
        FileChange(path="dir/gone", before=b"z\n", after=None),
        FileChange(path="b/moved", old_path="a/été", before=b"1\n2\n3\n", after=b"1\n2\n3\n"),
        FileChange(path="b/edited", old_path="a/x", before=b"1\n2\n3\n", after=b"1\n2\n4\n"),
        FileChange(path='odd "name"\t\\', before=b"1\n", after=b"2\n"),
    ]
    after = {change.path: change.after for change in changes if change.after is not None}
    assert apply(changes) == after
    mode = render([FileChange(path="run", before=b"1\n", after=b"1\n", mode=0o755)])
    assert mode == "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n"


def test_what_is_no_text_is_refused() -> None:
    for content in (b"\xff\n", b"a\0b"):
        with pytest.raises(BadChange, match="f is"):
            render([FileChange(path="f", before=b"", after=content)])
