"""What `aid apply`, `undo` and `redo` say of what they did: for a person, and the object scripts read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aid.cli.say import give, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aid.protocol import ChangedFile
    from ces.change import FileChange

_LETTERS = {"added": "A", "modified": "M", "deleted": "D", "renamed": "R"}


class Refused(Protocol):
    """An edit or a file that can't be changed: what parsing, placing and applying say alike."""

    @property
    def path(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def near(self) -> tuple[int, ...]: ...


def workspace(root: Path | None) -> Path:
    """The root given, else the one the current directory is in."""
    from aid.errors import UsageError
    from aid.root import find_root

    try:
        return root.resolve() if root is not None else find_root(Path.cwd())
    except OSError as error:
        raise UsageError(f"the current directory can't be read ({error.strerror}): go to one that is there") from error


def print_json(value: dict[str, Any]) -> None:
    """One object on one line, in ASCII whatever the terminal is."""
    give(json.dumps(value) + "\n")


def refused_json(refused: Iterable[Refused]) -> list[dict[str, Any]]:
    return [
        {"path": None if each.path is None else plain(each.path), "reason": plain(each.reason), "near": list(each.near)}
        for each in refused
    ]


def files_json(files: Iterable[ChangedFile | FileChange]) -> list[dict[str, str]]:
    return [{"path": plain(file.path), "status": file.status} for file in files]


def print_files(files: Iterable[ChangedFile]) -> None:
    for file in files:
        was = f"{file.old_path} -> " if file.old_path is not None else ""
        say(f"{_LETTERS[file.status]} {was}{file.path} +{file.added} -{file.removed}")


def print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        say(f"aid: {note}", err=True)


def print_refused(refused: Iterable[Refused]) -> None:
    from aid.errors import Refusal

    for each in refused:
        say(f"aid: {Refusal(each.path, each.reason, each.near)}", err=True)


def plain(text: str) -> str:
    """`text` as it can be printed: bytes that aren't UTF-8 become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


@contextmanager
def reported(empty: dict[str, Any], *, as_json: bool) -> Iterator[None]:
    """Say an AidError once and exit with its status: on stderr, or as `empty` with what was refused.

    A refusal of several files is told file by file.
    """
    from aid.errors import AidError, OutputError, Refusal

    try:
        yield
    except OutputError:
        raise  # it can't be said as an object either
    except AidError as error:
        refused: Sequence[Refused] = getattr(error, "refused", ()) or (Refusal(None, str(error)),)
        if as_json:
            print_json({**empty, "rejected": refused_json(refused)})
        else:
            print_refused(refused)
        sys.exit(error.exit_code)
