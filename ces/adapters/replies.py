"""From what a model wrote to the diff that is judged.

A trainer's replies have the form that its prompt asked for, and CES doesn't know it: the conversion is named in the
adapter's settings, "module:function", so that settings pickle and `ces` need not import it.
"""

import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ces.adapters.row import Row
from ces.errors import CesError

ToDiff = Callable[[str, Row], str | None]
"""The reply and its task -> a unified diff over the task's broken state, None where the reply has no edit.

Called in a thread; it may read files. It must not raise, whatever the reply: an error in it ends the training.
"""

UNIFIED = "ces.adapters.replies:unified"
_FENCED = re.compile(r"^```(?:diff|patch)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BEGINS = re.compile(r"^(?:diff --git |--- )", re.MULTILINE)
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def to_diff(path: str) -> ToDiff:
    """The function that `path` ("module:function") names. Raises CesError where there is none."""
    try:
        found = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise CesError(f"to_diff {path!r} names no function ({error}): give it as 'module:function'") from error
    if not callable(found):
        raise CesError(f"to_diff {path!r} is no function but a {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def unified(reply: str, task: Row) -> str | None:
    """The reply's last ```diff block, else the reply itself from its first diff header on; of either the diff's lines,
    without what is said between files and after the last one."""
    blocks = _FENCED.findall(reply)
    if blocks:
        return _without_talk(blocks[-1])
    begins = _BEGINS.search(reply)
    return _without_talk(reply[begins.start() :]) if begins else None


def _without_talk(text: str) -> str:
    """The lines of `text` but those from the end of a hunk, or an empty line outside of one, to the next header.

    A line that adds or takes away right after a hunk stays: its counts are wrong, which is CES's to say.
    """
    kept = []
    old = new = 0  # lines that the hunk still has
    talk = complete = False
    for line in _LINE.findall(text):
        if old > 0 or new > 0:
            old -= line[0] not in "+\\"
            new -= line[0] not in "-\\"
            complete = True
        elif hunk := _HUNK.match(line):
            old, new = (int(count or 1) for count in hunk.groups())
            talk = False
        elif _BEGINS.match(line):
            talk = complete = False
        elif not line.strip() or (complete and line[0] not in "+-\\"):
            talk = True
        if not talk:
            kept.append(line)
    return "".join(kept)


def text(completion: str | Sequence[Mapping[str, Any]]) -> str:
    """What the model said last: the completion itself, or the content of the last assistant message.

    A message's content may be a text or a list of parts, of which those of type "text" count.
    """
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        if message.get("role", "assistant") == "assistant":
            content = message.get("content") or ""
            if isinstance(content, str):
                return content
            return "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    return ""
