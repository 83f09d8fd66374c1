"""A prompt's content blocks as AID takes them: words, files with lines, texts attached, and unsaved text. Pure.

Editors write a mentioned file as a link or as an embedded resource, in the place of the sentence where it stands; the
words keep its name there. A place in it is a fragment: `#L3`, `#L3-9` or `#L3:9`, one-based and inclusive.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from aid.acp.schema import Audio, Block, Image, Resource, ResourceLink, Text
from aid.protocol import Attachment, FileRef
from aid.root import inside

_LINES = re.compile(r"^L?(?P<first>[1-9]\d*)(?:[-:]L?(?P<last>[1-9]\d*))?$")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """`unsaved`: what the editor shows of files, by path in the workspace. `left_out`: what AID can't use of it."""

    words: str
    files: tuple[FileRef, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    fix: FileRef | None = None
    unsaved: dict[str, str] = {}
    left_out: tuple[str, ...] = ()


def asked(blocks: Sequence[Block], root: Path) -> Asked:
    words: list[str] = []
    files: dict[FileRef, None] = {}
    attachments: list[Attachment] = []
    unsaved: dict[str, str] = {}
    left_out: list[str] = []
    for block in blocks:
        match block:
            case Text(text=text):
                words.append(text)
            case ResourceLink(uri=uri, name=name):
                ref = file_ref(uri, root)
                words.append(_named(ref) if ref else f"{name} ({uri})")
                files |= {ref: None} if ref else {}
            case Resource(resource=contents):
                ref = file_ref(contents.uri, root)
                words.append(_named(ref) if ref else contents.uri)
                files |= {ref: None} if ref else {}
                if contents.text is None:
                    left_out.append(f"{contents.uri} (binary)")
                elif ref is None:
                    attachments.append(Attachment(title=contents.uri, text=contents.text))
                elif ref.first is None:
                    unsaved[ref.path] = contents.text
            case Image() | Audio():
                left_out.append(f"an {'image' if isinstance(block, Image) else 'audio clip'}")
    return Asked(
        words="".join(words).strip(),
        files=tuple(files),
        attachments=tuple(attachments),
        unsaved=unsaved,
        left_out=tuple(left_out),
    )


def file_ref(uri: str, root: Path) -> FileRef | None:
    """The file of the workspace that a URI names; None for anything else."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or "\0" in parts.path:
        return None
    return named_file(unquote(parts.path), parts.fragment, root)


def named_file(named: str, lines: str, root: Path) -> FileRef | None:
    """The file of the workspace by that name; `lines` as in a fragment, or nothing."""
    path = inside(root, named)
    if path is None or (root / path).is_dir():
        return None
    found = _LINES.match(lines)
    if found is None:
        return FileRef(path=path)
    first = int(found["first"])
    return FileRef(path=path, first=first, last=max(first, int(found["last"] or first)))


def _named(ref: FileRef) -> str:
    lines = "" if ref.first is None else f":{ref.first}" + (f"-{ref.last}" if ref.last != ref.first else "")
    return f"`{ref.path}{lines}`"
