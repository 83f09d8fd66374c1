"""Indexes of workspaces that are no longer there. Beside each index a file says which workspace it is of."""

import os
from pathlib import Path


def mark(file: Path, root: Path) -> None:
    """Write down that the index `file` is of `root`. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _mark(file).write_bytes(os.fsencode(root))


def drop_stale(folder: Path) -> list[Path]:
    """Delete the indexes in `folder` whose workspace is gone or not known, and return them. Blocks, never raises.

    Safe beside an index that is being opened: that is marked first.
    """
    dropped = []
    for file in sorted(folder.glob("*.sqlite")):
        try:
            if not _is_there(file):
                for each in (_mark(file), file, *(Path(f"{file}{end}") for end in ("-wal", "-shm"))):
                    each.unlink(missing_ok=True)
                dropped.append(file)
        except OSError:
            continue
    return dropped


def _is_there(file: Path) -> bool:
    try:
        return Path(os.fsdecode(_mark(file).read_bytes())).is_dir()
    except FileNotFoundError:
        return False


def _mark(file: Path) -> Path:
    return file.with_suffix(".root")
