"""The files a person names: refused where they can't be meant, said plainly when they can't be shown to a model."""

from collections.abc import Iterator

from aid.errors import UsageError
from aid.protocol import FileRef, PromptParams
from aid.root import inside
from aid.session.asked import place, span
from aid.session.workspace import View
from ces.errors import BadChange


def refuse(view: View, params: PromptParams) -> None:
    """Raises UsageError for lines below 1, for a `fix` or an `edit` outside the workspace, for a `fix` where no file is
    and for an `edit` past a file's end. A file that is only named, or edited, may be one that is yet to be made.
    """
    for ref in _refs(params):
        first, _ = span(ref)
        if first is not None and first < 1:
            raise UsageError(f"{place(ref, view.root)}: lines count from 1")
    if params.fix is not None:
        _refuse_place(view, params.fix, edited=False)
    if params.edit is not None:
        _refuse_place(view, params.edit, edited=True)


def unshowable(view: View, params: PromptParams, max_file_bytes: int) -> Iterator[str]:
    """A line for each named file, or lines of one, that no model will see."""
    for ref in _refs(params):
        path = inside(view.root, ref.path)
        if path is None:
            yield f"{ref.path} is not shown: it is outside the workspace"
            continue
        try:
            document = view.read(path)
        except (BadChange, OSError) as error:
            yield f"{path} is not shown: {error}"
            continue
        if document is None:
            yield f"{path} is not there yet: nothing of it is shown"
        elif b"\0" in document.content[:8192]:
            yield f"{path} is not shown: it is binary"
        elif len(document.content) > max_file_bytes:
            size = f"{len(document.content):,} bytes, more than [context] max_file_bytes ({max_file_bytes:,})"
            yield f"{path} is not shown: it has {size}"
        else:
            yield from (_past_end(path, document.content, line) for line in _past(document.content, ref)[:1])


def _refs(params: PromptParams) -> tuple[FileRef, ...]:
    """All that are named, each once."""
    pointed = (ref for ref in (params.fix, params.edit) if ref is not None)
    return tuple(dict.fromkeys((*params.files, *pointed)))


def _refuse_place(view: View, ref: FileRef, *, edited: bool) -> None:
    """What can't be read is left to `unshowable`, lines to be mended to the error that is nearest."""
    path = inside(view.root, ref.path)
    try:
        document = view.read(path) if path is not None else None
    except (BadChange, OSError):
        return
    if path is None or (document is None and not edited):
        raise UsageError(f"{ref.path} is no file of this workspace: name another")
    if document is not None and edited and len(past := _past(document.content, ref)) == 2:
        raise UsageError(_past_end(path, document.content, past[0]))


def _past(content: bytes, ref: FileRef) -> tuple[int, ...]:
    """Which of its first and last line is past the end, where an empty line may still follow the last line's end."""
    return tuple(line for line in span(ref) if line is not None and line > content.count(b"\n") + 1)


def _past_end(path: str, content: bytes, line: int) -> str:
    return f"{path} has {content.count(10):,} lines: line {line} is past its end"
