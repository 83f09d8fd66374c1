"""Unsaved text: what an editor shows wins over what the disk has.

Editors differ in what they call a document's text: some send a CRLF file with CRLF, some with LF, none sends the byte
order mark. `as_bytes` gives back the bytes the editor would save, so that a document nobody touched equals its file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from aid.session.client import OpenDocument
from ces.errors import BadChange

BOM = b"\xef\xbb\xbf"


def as_bytes(text: str, on_disk: bytes | None) -> bytes:
    """`text` as the editor would save it over `on_disk`: with its byte order mark and its line ends."""
    content = text.encode("utf-8", "surrogatepass")
    if on_disk is None:
        return content
    if b"\r\n" in on_disk and b"\r" not in content:
        crlf = content.replace(b"\n", b"\r\n")
        if on_disk.count(b"\r\n") == on_disk.count(b"\n"):
            content = crlf
    if on_disk.startswith(BOM) and not content.startswith(BOM):
        content = BOM + content
    return content


def unsaved(
    root: Path, documents: Mapping[Path, OpenDocument], on_disk: Callable[[str], bytes | None]
) -> dict[str, bytes]:
    """The open documents under `root` that differ from their files: path relative to `root` -> bytes.

    Those of files that may not be edited (a commit message in `.git`) are passed over.
    """
    differing: dict[str, bytes] = {}
    for path, document in documents.items():
        if not path.is_relative_to(root):
            continue
        relative = path.relative_to(root).as_posix()
        try:
            disk = on_disk(relative)
        except (BadChange, OSError):
            continue
        content = as_bytes(document.text, disk)
        if content != disk:
            differing[relative] = content
    return differing
