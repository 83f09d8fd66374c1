"""A change set as an LSP WorkspaceEdit over open documents. Pure.

Every document edit names the version it was made from, so that an editor whose document has moved on refuses it. Some
editors (Neovim among them) don't say that they take versions: those get edits without, of the text as last told.
"""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from lsprotocol.types import (
    CreateFile,
    DeleteFile,
    OptionalVersionedTextDocumentIdentifier,
    Position,
    Range,
    RenameFile,
    TextDocumentEdit,
    TextEdit,
    WorkspaceEdit,
    WorkspaceEditClientCapabilities,
)

from aid.server.documents import Document
from aid.server.positions import line_starts, position
from ces.change import FileChange

LINES_COMPARED = 4000
DocumentChange = TextDocumentEdit | CreateFile | RenameFile | DeleteFile
_BOM = "\ufeff"


class RefusedError(Exception):
    """The change set can't be given to this editor; the text says why."""


def workspace_edit(
    root: Path,
    changes: Sequence[FileChange],
    documents: Mapping[Path, Document],
    support: WorkspaceEditClientCapabilities,
    encoding: str,
) -> WorkspaceEdit:
    """`documents` are the open ones by real path. Raises RefusedError when the editor's text isn't what the change
    was made from, or the editor can't do what the change needs."""
    steps: list[DocumentChange] = []
    for change in changes:
        steps += _steps(root, change, documents, encoding)
    texts = {
        step.text_document.uri: [each for each in step.edits if isinstance(each, TextEdit)]
        for step in steps
        if isinstance(step, TextDocumentEdit)
    }
    for step in steps:
        if isinstance(step, TextDocumentEdit):
            continue
        if not support.document_changes or step.kind not in (support.resource_operations or ()):
            raise RefusedError(f"this editor can't {step.kind} files (workspaceEdit.resourceOperations)")
    if not support.document_changes:
        return WorkspaceEdit(changes=texts)
    return WorkspaceEdit(document_changes=steps)


def line_edits(old: str, new: str, encoding: str) -> tuple[TextEdit, ...]:
    """The whole-line edits from `old` to `new`, in the order of the text; they don't overlap."""
    starts = line_starts(old)
    before, after = _lines(old), _lines(new)
    head, tail = _same_ends(before, after)
    inner_old, inner_new = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(inner_old) + len(inner_new) > LINES_COMPARED:
        blocks: Sequence[tuple[str, int, int, int, int]] = [("replace", 0, len(inner_old), 0, len(inner_new))]
    else:
        blocks = SequenceMatcher(None, inner_old, inner_new, autojunk=False).get_opcodes()
    return tuple(
        TextEdit(
            range=Range(_line(old, starts, head + i1, encoding), _line(old, starts, head + i2, encoding)),
            new_text="".join(inner_new[j1:j2]),
        )
        for kind, i1, i2, j1, j2 in blocks
        if kind != "equal" and (i1, j1) != (i2, j2)
    )


def _steps(root: Path, change: FileChange, documents: Mapping[Path, Document], encoding: str) -> list[DocumentChange]:
    target = root / change.path
    if change.after is None:
        _as_made_from(change, documents.get(target))
        return [DeleteFile(uri=target.as_uri())]
    source = root / change.old_path if change.old_path is not None else target
    document = documents.get(source)
    shown = _as_made_from(change, document)
    uri = document.uri if document is not None and source == target else target.as_uri()
    steps: list[DocumentChange] = []
    version = document.version if document is not None else None
    if source != target:
        steps.append(RenameFile(old_uri=document.uri if document else source.as_uri(), new_uri=uri))
        version = None  # the document under its new name has no version yet
    elif change.before is None and document is None:
        steps.append(CreateFile(uri=uri))
    edits = line_edits(shown, _as_shown(change.path, change.after, shown), encoding)
    if edits:
        steps.append(TextDocumentEdit(OptionalVersionedTextDocumentIdentifier(uri=uri, version=version), edits))
    return steps


def _as_made_from(change: FileChange, document: Document | None) -> str:
    """The text the edit starts from, as the editor has it."""
    path = change.old_path or change.path
    if document is None:
        return "" if change.before is None else _decoded(path, change.before)
    expected = "" if change.before is None else _as_shown(path, change.before, document.text)
    if document.text != expected:
        raise RefusedError(f"{path} is no longer what the proposal was made from: ask again")
    return document.text


def _as_shown(path: str, content: bytes, like: str) -> str:
    """`content` as an editor shows it that shows its file as `like`: many keep CRLF and the byte order mark to
    themselves and put them back when they save."""
    text = _decoded(path, content)
    if not like.startswith(_BOM):
        text = text.removeprefix(_BOM)
    return text if "\r" in like or not like else text.replace("\r\n", "\n")


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} is not UTF-8 text: the editor can't be given an edit of it") from error


def _lines(text: str) -> list[str]:
    """Lines with their ends; an empty last line is left out."""
    starts = line_starts(text)
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return pieces[:-1] if pieces and not pieces[-1] else pieces


def _same_ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, tail


def _line(text: str, starts: Sequence[int], line: int, encoding: str) -> Position:
    return position(text, starts, line, 0, encoding)
