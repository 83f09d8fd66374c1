"""LSP positions in a text, and file URIs. Pure.

A line ends at LF, CRLF or CR and nowhere else (LSP 3.17, "Text Documents"): a form feed or U+2028, where
`str.splitlines` would break, does not end one. Positions past a line's or the text's end mean that end. An encoding is
one of the LSP's: utf-8, utf-16, utf-32.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from lsprotocol.types import Position

_LINE_END = re.compile(r"\r\n|\r|\n")
_UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
_CODEC = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


def line_starts(text: str) -> list[int]:
    """The offset of each line's first code point; a text that ends with a line end has an empty line after it."""
    return [0, *(found.end() for found in _LINE_END.finditer(text))]


def offset(text: str, starts: Sequence[int], position: Position, encoding: str) -> int:
    """The code point at `position`. In the middle of a character means before it."""
    if position.line >= len(starts):
        return len(text)
    start = starts[max(0, position.line)]
    line = _line(text, starts, max(0, position.line))
    return start + _points(line, max(0, position.character), encoding)


def units(text: str, encoding: str) -> int:
    """How many of the encoding's units `text` is long."""
    if text.isascii() or encoding == "utf-32":
        return len(text)
    return len(text.encode(_CODEC[encoding], "surrogatepass")) // _UNIT_BYTES[encoding]


def position(text: str, starts: Sequence[int], line: int, points: int, encoding: str) -> Position:
    """The position `points` code points into `line`, held inside the text."""
    line = max(0, line)
    if line >= len(starts):
        line, points = len(starts) - 1, len(text)
    return Position(line, units(_line(text, starts, line)[: max(0, points)], encoding))


def path_of(uri: str) -> Path | None:
    """The real path of a `file:` URI; None for any other."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return None
    raw = unquote_to_bytes(parts.path)
    if b"\0" in raw:
        return None
    path = Path(os.fsdecode(raw))
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of symbolic links
        return path


def _line(text: str, starts: Sequence[int], line: int) -> str:
    """A line without its end."""
    end = starts[line + 1] if line + 1 < len(starts) else len(text)
    return text[starts[line] : end].rstrip("\r\n")


def _points(line: str, character: int, encoding: str) -> int:
    if line.isascii() or encoding == "utf-32":
        return min(character, len(line))
    encoded = line.encode(_CODEC[encoding], "surrogatepass")[: character * _UNIT_BYTES[encoding]]
    return len(encoded.decode(_CODEC[encoding], "ignore"))
