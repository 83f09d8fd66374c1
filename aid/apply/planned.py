"""Planning over real files: `edits.plan` is pure, reading a workspace is not."""

from collections.abc import Callable, Sequence

import msgspec

from aid import edits
from aid.edits.edit import Document, Edit, Plan, Rejected
from ces.errors import BadChange


def planned(found: Sequence[Edit | Rejected], read: Callable[[str], Document | None]) -> Plan:
    """What the edits do to the files that `read` gives.

    `read` may raise BadChange (a path that may not be touched) or OSError: an edit of such a file is refused with that
    as its reason, not taken for the making of a new one.
    """
    forbidden: dict[str, Rejected] = {}

    def guarded(path: str) -> Document | None:
        try:
            return read(path)
        except BadChange as error:
            forbidden[path] = Rejected(path=path, reason=str(error))
        except OSError as error:
            forbidden[path] = Rejected(path=path, reason=f"can't be read: {error.strerror}")
        return None

    plan = edits.plan(found, guarded)
    if not forbidden:
        return plan
    kept = tuple(each for each in plan.rejected if each.path not in forbidden)
    changes = tuple(each for each in plan.changes if not {each.path, each.old_path} & forbidden.keys())
    return msgspec.structs.replace(plan, changes=changes, rejected=(*kept, *forbidden.values()))
