"""Text of anyone's (a model's, a server's, a file's) as it may be shown: what a terminal would obey is spelt out.

Control characters could erase what stands before them, bidirectional ones could turn it around. Pure.
"""

import re

# Joiners (U+200C, U+200D) stay: scripts and emoji are written with them. So does a carriage return before a newline.
_OBEYED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]|\r(?!\n)"
)


def printable(text: str) -> str:
    """`text` with its lines and tabs, and what else a terminal would obey or hide as its escape: `\\x1b`."""
    return _OBEYED.sub(lambda found: repr(found[0])[1:-1], text)


def one_line(text: str) -> str:
    """`text` on one line, all that isn't printable as its escape."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
