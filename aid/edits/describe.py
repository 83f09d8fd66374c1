"""A refusal in words for the model that wrote the edit: the reason, and the file's own lines where it was meant.

Text out, nothing read.
"""

from aid.edits.edit import Rejected
from aid.edits.text import Text

_SHOWN_PLACES = 3
_MARGIN_LINES = 3
_MAX_LINES = 40
_MAX_LINE_CHARS = 400


def describe(rejected: Rejected, document: str | None) -> str:
    """Why `rejected` was refused, fit to be sent back: reason, then the nearest lines with their numbers.

    `document` is the file's text, None when there is no such file.
    """
    head = f"{rejected.path or 'The reply'}: {rejected.reason}."
    if rejected.path is None:
        return head
    if document is None:
        return f"{head} There is no such file."
    text = Text(document)
    parts = [head]
    size = min(_MAX_LINES, rejected.edit.count("\n") + 1)
    shown: set[int] = set()
    for near in rejected.near[:_SHOWN_PLACES]:
        first = max(1, near - _MARGIN_LINES)
        last = min(len(text.bare), near + size + _MARGIN_LINES - 1)
        if first > last or near in shown:
            continue
        shown.update(range(first, last + 1))
        lines = (f"{number}| {text.bare[number - 1][:_MAX_LINE_CHARS]}" for number in range(first, last + 1))
        parts.append(f"Lines {first}-{last} of the file are:\n" + "\n".join(lines))
    return "\n".join(parts)
