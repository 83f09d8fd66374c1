"""LSP positions in a text, as lsprotocol has them, and file URIs. Pure. How they are counted: `aid.positions`."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from lsprotocol.types import Position

from aid.positions import line_at, line_starts, offset_at, units

__all__ = ["line_starts", "offset", "path_of", "position", "units"]


def offset(text: str, starts: Sequence[int], position: Position, encoding: str) -> int:
    """The code point at `position`. In the middle of a character means before it."""
    return offset_at(text, starts, position.line, position.character, encoding)


def position(text: str, starts: Sequence[int], line: int, points: int, encoding: str) -> Position:
    """The position `points` code points into `line`, held inside the text."""
    line = max(0, line)
    if line >= len(starts):
        line, points = len(starts) - 1, len(text)
    return Position(line, units(line_at(text, starts, line)[: max(0, points)], encoding))


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
