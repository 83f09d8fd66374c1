"""What the daemon says for a person who only points at a place."""

from pathlib import Path

import pytest

from aid.errors import UsageError
from aid.protocol import Attachment, FileRef, PromptParams
from aid.session.asked import attached, place, worded
from ces.verdict import Diagnostic, Range


def error(line: int, message: str = "Unbound value x\nHint: y", file: str = "a.ml", **fields: object) -> Diagnostic:
    where = Range(line - 1, 2, line - 1, 5)
    return Diagnostic(**({"file": file, "range": where, "severity": "error", "message": message} | fields))  # type: ignore[arg-type]


ERRORS = (error(3), error(9, "Syntax error"), error(4, "elsewhere", "b.ml"), error(3, "unused", severity="warning"))


@pytest.mark.parametrize(
    ("ref", "prompt", "expected"),
    [
        (FileRef(path="a.ml", first=3), "", "Fix the build error at a.ml:3: Unbound value x"),
        (FileRef(path="a.ml", first=8, last=11), "", "Fix the build error at a.ml:9: Syntax error"),
        (FileRef(path="a.ml", first=11), "", "Fix the build error at a.ml:9: Syntax error"),
        (FileRef(path="a.ml"), "", "Fix these build errors:\n- a.ml:3: Unbound value x\n- a.ml:9: Syntax error"),
        (FileRef(path="a.ml", first=1), "no _", "Fix the build error at a.ml:3: Unbound value x\nno _"),
        (FileRef(path="c.ml", first=2), "it loops", "Fix the error at c.ml:2.\nit loops"),
    ],
)
def test_a_fix_is_worded_from_the_builds_errors(tmp_path: Path, ref: FileRef, prompt: str, expected: str) -> None:
    asked = worded(PromptParams(workspace="/w", prompt=prompt, fix=ref), ERRORS, tmp_path)
    assert (asked.prompt, asked.files) == (expected, (ref,))


def test_a_fix_where_nothing_is_wrong_needs_words(tmp_path: Path) -> None:
    params = PromptParams(workspace="/w", fix=FileRef(path=str(tmp_path / "c.ml")))
    with pytest.raises(UsageError, match=r"^the build names no error in c.ml: say in the prompt what is to be mended$"):
        worded(params, ERRORS, tmp_path)


def test_an_edit_says_which_lines(tmp_path: Path) -> None:
    ref = FileRef(path="a.ml", first=9, last=3)
    asked = worded(PromptParams(workspace="/w", prompt="rename x", edit=ref), (), tmp_path)
    assert asked.prompt == "rename x\nChange only a.ml:3-9, and nothing else."


def test_what_comes_with_a_prompt_is_named(tmp_path: Path) -> None:
    params = PromptParams(
        workspace="/w",
        prompt="why?",
        files=(FileRef(path=str(tmp_path / "a.ml"), first=3), FileRef(path="b.ml")),
        attachments=(Attachment(title="the diff", text="-a\n+b\n"),),
    )
    assert worded(params, ERRORS, tmp_path) is params
    assert attached(params, tmp_path) == ("a.ml:3", "b.ml", "the diff")
    assert place(FileRef(path="a.ml", last=4), tmp_path) == "a.ml:4"
