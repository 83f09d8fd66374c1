"""A change set: what a diff does to a tree, file by file, as whole contents.

Data only. Who places a diff makes these (`aid.edits`), who writes them to disk (`aid.apply`), views
them (`ces.workspace`) or judges them (`ces.check`) reads them.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

Status = Literal["added", "modified", "deleted", "renamed"]


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """One file before and after.

    `path` is relative to the workspace, with `/`, and is the name after the change; `old_path` is set only
    when the file had another name before (renamed or moved, edited or not). `before` None: the file did not
    exist; `after` None: it is deleted. Contents are the exact bytes. `mode` is the permission bits the file
    has afterwards (None: keep what it has; a new file gets 0o644 less the umask).
    """

    path: str
    before: bytes | None
    after: bytes | None
    old_path: str | None = None
    mode: int | None = None

    @property
    def status(self) -> Status:
        if self.after is None:
            return "deleted"
        if self.old_path is not None:
            return "renamed"
        return "added" if self.before is None else "modified"


def content_hash(content: bytes | None) -> str | None:
    """sha256 in hex, None for a file that isn't there: what staleness is judged by."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def merge(first: Sequence[FileChange], then: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """One change set that does `first` and, on the tree it leaves, `then`, in the order files were first touched.

    What ends as it began drops out: a file created and deleted again, an edit taken back.
    """
    merged = {change.path: change for change in first}
    for later in then:
        earlier = merged.pop(later.old_path or later.path, None)
        if earlier is None:
            merged[later.path] = later
            continue
        origin = earlier.old_path or (earlier.path if earlier.before is not None else None)
        joined = FileChange(
            path=later.path,
            before=earlier.before,
            after=later.after,
            old_path=origin if origin != later.path else None,
            mode=later.mode if later.mode is not None else earlier.mode,
        )
        if joined.before != joined.after or joined.old_path is not None or joined.mode is not None:
            merged[joined.path] = joined
    return tuple(merged.values())
