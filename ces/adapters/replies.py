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
    """The reply's last ```diff block, else the reply itself from its first diff header on."""
    blocks = _FENCED.findall(reply)
    if blocks:
        return str(blocks[-1])
    begins = _BEGINS.search(reply)
    return reply[begins.start() :] if begins else None


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
