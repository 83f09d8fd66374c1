"""WorkspaceEdits: an editor that applies one has the change's text; one whose text is another is given none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from lsprotocol.converters import get_converter

from aid.server.documents import Document
from aid.server.positions import line_starts, offset
from aid.server.workspace_edit import RefusedError, line_edits, workspace_edit
from ces.change import FileChange

ALL = types.WorkspaceEditClientCapabilities(
    document_changes=True,
    resource_operations=[types.ResourceOperationKind(each) for each in ("create", "rename", "delete")],
)
ROOT = Path("/w")

lines = st.lists(st.sampled_from(["a\n", "b\n", "é😋\n", "\n", "x\r\n", "\f\n", "y\r"]), max_size=12).map("".join)
texts = st.tuples(lines, st.sampled_from(["", "end", "漢"])).map("".join)


def applied(text: str, edits: tuple, encoding: str) -> str:
    """As an editor does: from the last to the first."""
    starts = line_starts(text)
    for edit in reversed(edits):
        start = offset(text, starts, edit.range.start, encoding)
        end = offset(text, starts, edit.range.end, encoding)
        text = text[:start] + edit.new_text + text[end:]
    return text


@given(texts, texts, st.sampled_from(["utf-16", "utf-32"]))
def test_line_edits_lead_from_the_old_text_to_the_new(old: str, new: str, encoding: str) -> None:
    edits = line_edits(old, new, encoding)
    assert applied(old, edits, encoding) == new
    assert bool(edits) == (old != new)


def test_a_small_change_is_a_small_edit() -> None:
    old = "".join(f"line {number}\n" for number in range(1000))
    (edit,) = line_edits(old, old.replace("line 500\n", "LINE 500\n"), "utf-16")
    assert (edit.range.start.line, edit.range.end.line, edit.new_text) == (500, 501, "LINE 500\n")


def document(text: str, version: int = 3, uri: str = "file:///w/a.ml") -> dict[Path, Document]:
    return {Path("/w/a.ml"): Document(uri, text, version, "ocaml")}


def change(before: bytes | None, after: bytes | None, path: str = "a.ml", old_path: str | None = None) -> FileChange:
    return FileChange(path=path, before=before, after=after, old_path=old_path)


def check(
    changes: list[FileChange], documents: dict[Path, Document], support: types.WorkspaceEditClientCapabilities = ALL
) -> str:
    """The edit's steps in short, as an editor reads them."""
    try:
        edit = workspace_edit(ROOT, changes, documents, support, "utf-16")
    except RefusedError as error:
        return f"refused: {error}"
    plain = get_converter().unstructure(edit)
    told = []
    for step in get_converter().structure(plain, types.WorkspaceEdit).document_changes or ():
        match step:
            case types.TextDocumentEdit():
                told.append(f"edit {step.text_document.uri} v{step.text_document.version} x{len(step.edits)}")
            case types.RenameFile():
                told.append(f"rename {step.old_uri} {step.new_uri}")
            case _:
                told.append(f"{step.kind} {step.uri}")
    return "; ".join(told)


def test_names_the_documents_version() -> None:
    assert check([change(b"bad\n", b"good\n")], document("bad\n")) == "edit file:///w/a.ml v3 x1"


def test_spells_the_uri_as_the_editor_does() -> None:
    found = check([change(b"bad\n", b"good\n")], document("bad\n", uri="file:///w/%61.ml"))
    assert found == "edit file:///w/%61.ml v3 x1"


def test_refuses_when_the_editors_text_is_another() -> None:
    found = check([change(b"bad\n", b"good\n")], document("bad!\n"))
    assert found == "refused: a.ml is no longer what the proposal was made from: ask again"


@pytest.mark.parametrize("shown", ["bad\nx\n", "bad\r\nx\r\n", "\ufeffbad\r\nx\r\n"])
def test_knows_a_file_whose_editor_keeps_line_ends_or_byte_order_mark_to_itself(shown: str) -> None:
    before = b"\xef\xbb\xbfbad\r\nx\r\n"
    (step,) = workspace_edit(
        ROOT, [change(before, before.replace(b"bad", b"good"))], document(shown), ALL, "utf-16"
    ).document_changes
    assert applied(shown, step.edits, "utf-16") == shown.replace("bad", "good")


def test_creates_renames_and_deletes() -> None:
    assert (
        check([change(None, b"new\n", path="new.ml")], {}) == "create file:///w/new.ml; edit file:///w/new.ml vNone x1"
    )
    assert check([change(b"bad\n", None)], document("bad\n")) == "delete file:///w/a.ml"
    renamed = change(b"bad\n", b"good\n", path="b.ml", old_path="a.ml")
    assert check([renamed], document("bad\n")) == "rename file:///w/a.ml file:///w/b.ml; edit file:///w/b.ml vNone x1"


def test_refuses_what_the_editor_can_not_do() -> None:
    few = types.WorkspaceEditClientCapabilities(document_changes=True)
    assert check([change(None, b"x", path="n")], {}, few).startswith("refused: this editor can't create files")
    renames = types.WorkspaceEditClientCapabilities(resource_operations=[types.ResourceOperationKind.Rename])
    renamed = change(b"a", b"b", path="b.ml", old_path="a.ml")
    assert check([renamed], document("a"), renames).startswith("refused: this editor can't rename files")


def test_an_editor_without_versioned_edits_is_given_plain_ones() -> None:
    none = types.WorkspaceEditClientCapabilities()
    edit = workspace_edit(ROOT, [change(b"a\nb\n", b"a\nc\n")], document("a\nb\n"), none, "utf-16")
    assert edit.document_changes is None
    assert {uri: applied("a\nb\n", tuple(edits), "utf-16") for uri, edits in (edit.changes or {}).items()} == {
        "file:///w/a.ml": "a\nc\n"
    }
    assert check([change(b"a\n", b"b\n")], document("x\n"), none).startswith("refused: a.ml is no longer")


def test_refuses_bytes_that_are_no_text() -> None:
    assert check([change(b"\xff", b"x")], {}).startswith("refused: a.ml is not UTF-8 text")
