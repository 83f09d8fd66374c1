"""The files a person names: said plainly when they can't be shown to a model."""

from collections.abc import Iterator, Sequence

from aid.protocol import FileRef
from aid.root import inside
from aid.session.workspace import View
from ces.errors import BadChange


def unshowable(view: View, files: Sequence[FileRef], max_file_bytes: int) -> Iterator[str]:
    """A line for each named file, or lines of one, that no model will see."""
    for ref in files:
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
        elif ref.first is not None and ref.first > document.content.count(b"\n") + 1:
            yield f"{path} has {document.content.count(10):,} lines: line {ref.first} is past its end"
