"""Lines that stand for a part left out, as in `# ... existing code ...`. Pure: a line in, yes or no out.

Only a comment or a line that begins with dots is one: a bare `...` is code in Python and text elsewhere.
"""

import re

_DOTS = r"(?:\.{3,}|…)"
_KEPT = r"(?:existing|rest|remaining|remainder|unchanged|same|previous|other)\b"
_COMMENT = re.compile(r"^(?:\{?/\*+|//+|#+|--+|\(\*+|<!--|;+|%+)(?P<said>.*?)(?:\*+/\}?|\*+\)|-->|--+)?$")
_ALL_DOTS = re.compile(rf"^{_DOTS}$")
_DOTS_FIRST = re.compile(rf"^{_DOTS}.*\b{_KEPT}", re.IGNORECASE)
# Few words before and dots at the end: "keep the rest as it is ...", not "wait until all the other threads end...".
_DOTS_LAST = re.compile(rf"^(?:\w+ +){{0,2}}{_KEPT}.*{_DOTS}$", re.IGNORECASE)
_IN_WORDS = re.compile(rf"^(?:\w+ +){{0,2}}{_KEPT}.*\b(?:unchanged|the same|as before|as is|code here)$", re.IGNORECASE)


def stands_for_more(line: str) -> bool:
    """Whether `line` says that a part of the file is left out there."""
    line = line.strip()
    comment = _COMMENT.match(line)
    if comment is None:
        return _DOTS_FIRST.match(line) is not None
    said = comment["said"].strip(" \t[](){}<>")
    return any(form.match(said) for form in (_ALL_DOTS, _DOTS_FIRST, _DOTS_LAST)) or bool(
        _IN_WORDS.match(said.rstrip("."))
    )
