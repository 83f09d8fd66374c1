"""Places in a document's text as editors count them. Pure.

A line ends at LF, CRLF or CR and nowhere else (LSP 3.17, "Text Documents"): a form feed or U+2028, where
`str.splitlines` would break, does not end one. Positions past a line's or the text's end mean that end. An encoding is
one of the LSP's: utf-8, utf-16, utf-32.
"""

import re
from collections.abc import Sequence

LINE_END = re.compile(r"\r\n|\r|\n")
CODEC = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
# The text of a document whose own could not be read. It differs from every file's and is binary, so nothing edits that
# document, neither in the editor nor on the disk.
UNKNOWN = "\0 what the editor shows here could not be read\n"


def line_starts(text: str) -> list[int]:
    """The offset of each line's first code point; a text that ends with a line end has an empty line after it."""
    return [0, *(found.end() for found in LINE_END.finditer(text))]


def units(text: str, encoding: str) -> int:
    """How many of the encoding's units `text` is long."""
    if text.isascii() or encoding == "utf-32":
        return len(text)
    return len(text.encode(CODEC[encoding], "surrogatepass")) // UNIT_BYTES[encoding]


def line_at(text: str, starts: Sequence[int], line: int) -> str:
    """A line without its end."""
    end = starts[line + 1] if line + 1 < len(starts) else len(text)
    return text[starts[line] : end].rstrip("\r\n")


def offset_at(text: str, starts: Sequence[int], line: int, character: int, encoding: str) -> int:
    """The code point at `character` of `line`. In the middle of a character means before it."""
    if line >= len(starts):
        return len(text)
    line = max(0, line)
    return starts[line] + _points(line_at(text, starts, line), max(0, character), encoding)


def spliced(text: str, start: tuple[int, int], end: tuple[int, int], new: str, encoding: str) -> str:
    """`text` with what stands between two places, (line, character) each, become `new`. Of an unknown one, no places
    are known either: it stays so until all of it is said."""
    if text == UNKNOWN:
        return text
    starts = line_starts(text)
    first, last = offset_at(text, starts, *start, encoding), offset_at(text, starts, *end, encoding)
    return text[:first] + new + text[max(first, last) :]


def _points(line: str, character: int, encoding: str) -> int:
    if line.isascii() or encoding == "utf-32":
        return min(character, len(line))
    encoded = line.encode(CODEC[encoding], "surrogatepass")[: character * UNIT_BYTES[encoding]]
    return len(encoded.decode(CODEC[encoding], "ignore"))
