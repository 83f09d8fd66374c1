"""A model's reply to a task, in any of AID's edit formats, as the diff that CES judges: by AID's own parser and placer.

For trainers: name `trainer.replies:to_diff` in `ces.adapters.judged.Judging`; then what is rewarded is what AID would
do with the same reply.
"""

import asyncio

from aid import edits
from aid.apply.planned import planned
from aid.edits import Document, Edit
from ces.adapters import broken
from ces.adapters.row import Row
from ces.errors import CesError


def to_diff(reply: str, task: Row) -> str | None:
    """None where the reply has no edit, or one that fits nowhere in the broken state. Blocking, never raises."""
    found = edits.parse(reply, "auto", paths=task.files)
    named = [edit for edit in found if isinstance(edit, Edit)]
    if not named:
        return None
    paths = {path for edit in named for path in (edit.path, edit.new_path) if path is not None}
    try:
        state = asyncio.run(broken.state(task, paths))
    except (CesError, OSError, ValueError):
        return None

    def read(path: str) -> Document | None:
        content = state.get(path)
        return None if content is None else Document(path=path, content=content)

    plan = planned(found, read)
    return plan.diff if plan.changes and not plan.rejected else None
