"""The lines that alone may change, where the person says so: what reaches outside is refused, and goes back. Pure."""

import msgspec

from aid import edits
from aid.edits.diff import changed_ranges
from aid.edits.edit import Plan, Rejected
from aid.edits.text import Text
from ces.change import FileChange


class Bounds(msgspec.Struct, frozen=True):
    """Lines `first` to `last` of the file, one-based and inclusive; None: all of it."""

    path: str
    first: int | None = None
    last: int | None = None


def within(plan: Plan, bounds: Bounds | None) -> Plan:
    """`plan` without the changes that reach outside; each of them is refused, with the reason."""
    if bounds is None:
        return plan
    told = [(change, _outside(change, bounds)) for change in plan.changes]
    refused = tuple(Rejected(path=change.path, reason=why) for change, why in told if why is not None)
    if not refused:
        return plan
    kept = tuple(change for change, why in told if why is None)
    return msgspec.structs.replace(plan, changes=kept, rejected=(*plan.rejected, *refused), diff=edits.unified(kept))


def _outside(change: FileChange, bounds: Bounds) -> str | None:
    """What of the change is not within; None when all is."""
    only = bounds.path
    if bounds.first is not None:
        lines = f"line {bounds.first}" if bounds.first == bounds.last else f"lines {bounds.first} to {bounds.last}"
        only = f"{lines} of {bounds.path}"
    if change.path != bounds.path or change.old_path is not None or (bounds.first is not None and change.after is None):
        return f"only {only} may change"
    if bounds.first is None or bounds.last is None:
        return None
    for start, end, _, _ in changed_ranges(_text(change.before), _text(change.after)):
        if start < bounds.first - 1 or end > bounds.last:
            return f"the edit reaches line {start + 1 if start < bounds.first - 1 else end}, only {only} may change"
    return None


def _text(content: bytes | None) -> Text:
    return Text((content or b"").decode("utf-8", "surrogateescape"))
