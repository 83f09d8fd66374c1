"""Lines and spans of them: zero-based, [first, last). Pure.

A line ends at "\\n" and nowhere else, as in the edits' parsers; a "\\r" before it is no part of what is shown.
"""

from collections.abc import Iterable, Sequence

from aid.context.piece import Span


def split(text: str) -> list[str]:
    """The lines of `text` without their ends or a byte order mark; a final newline begins no further line."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def merge(spans: Iterable[Span], count: int, *, gap: int = 0) -> tuple[Span, ...]:
    """Spans in order, clipped to `count` lines, empty ones dropped, those at most `gap` lines apart joined."""
    result: list[Span] = []
    for first, last in sorted((max(0, first), min(last, count)) for first, last in spans):
        if first >= last:
            continue
        if result and first <= result[-1][1] + gap:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return tuple(result)


def render(lines: Sequence[str], spans: Sequence[Span]) -> str:
    """The lines in `spans` (merged ones), with a line that says so wherever some are left out."""
    if not spans:
        return elision(len(lines))
    parts: list[str] = []
    at = 0
    for first, last in spans:
        if first > at:
            parts.append(elision(first - at))
        parts += lines[first:last]
        at = last
    if at < len(lines):
        parts.append(elision(len(lines) - at))
    return "\n".join(parts)


def elision(count: int) -> str:
    return f"… {count} line{'' if count == 1 else 's'} left out …"
