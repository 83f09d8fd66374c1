"""Places in a source: between a diagnostic's lines and characters and offsets into the text. Pure.

Offsets and characters count code points. A place outside the text is moved to its nearest end.
"""

from aid.models.backend import SourceText
from aid.models.hints.suggestion import TextEdit
from ces.verdict import Diagnostic, Range


def offset(text: str, line: int, character: int) -> int:
    """The offset of a zero-based line and character; a character past the line's end is its end."""
    start = line_start(text, line)
    end = text.find("\n", start)
    return min(start + max(character, 0), len(text) if end < 0 else end)


def line_start(text: str, line: int) -> int:
    at = 0
    for _ in range(max(line, 0)):
        found = text.find("\n", at)
        if found < 0:
            return len(text)
        at = found + 1
    return at


def span(text: str, where: Range | None) -> tuple[int, int]:
    """A range's offsets; (0, 0) without one."""
    if where is None:
        return 0, 0
    start = offset(text, where.start_line, where.start_character)
    return start, max(start, offset_end(text, where))


def offset_end(text: str, where: Range) -> int:
    if where.end_character == 0:
        return line_start(text, where.end_line)
    return offset(text, where.end_line, where.end_character)


def said_span(diagnostic: Diagnostic, text: str) -> tuple[int, int]:
    """The diagnostic's offsets, less blanks at either end: a range of whole lines becomes what stands on them."""
    start, end = span(text, diagnostic.range)
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), max(start, end - (len(piece) - len(piece.rstrip())))


def line_bounds(text: str, at: int) -> tuple[int, int]:
    """Where the line around offset `at` starts and ends, its newline left out."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return start, len(text) if end < 0 else end


def indent_at(text: str, at: int) -> str:
    """The blanks that the line around `at` begins with."""
    start, end = line_bounds(text, at)
    line = text[start:end]
    return line[: len(line) - len(line.lstrip())]


def replaced(source: SourceText, start: int, end: int, text: str) -> tuple[TextEdit, ...]:
    return (TextEdit(source.path, start, end, text),)


def without_line(source: SourceText, start: int, end: int) -> tuple[TextEdit, ...]:
    """Take out `text[start:end]`, and the whole line where nothing else stands on it.

    A line that was a paragraph of its own goes with the blank line below it.
    """
    text = source.text
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last = len(text) if last < 0 else last + 1
    if text[first:start].strip() or text[end:last].strip():
        return replaced(source, start, end, "")
    alone = text[:first].endswith("\n\n") or first == 0
    return replaced(source, first, last + 1 if alone and text.startswith("\n", last) else last, "")
