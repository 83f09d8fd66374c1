"""A task file: JSON objects, one a line, as `ces.tasks` writes them."""

from pathlib import Path

import msgspec

from ces.adapters.row import Row, row
from ces.errors import CesError


def read(path: Path) -> list[Row]:
    """Its tasks, in order. Raises CesError, with the line's number, for a line that is none."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise CesError(f"{path} can't be read: {error.strerror}") from error
    return [_task(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _task(path: Path, number: int, line: bytes) -> Row:
    try:
        return row(msgspec.json.decode(line, type=dict))
    except (msgspec.DecodeError, CesError) as error:
        raise CesError(f"{path}:{number}: {error}") from error
