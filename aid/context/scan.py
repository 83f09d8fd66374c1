"""Bringing the index up to date: the whole workspace (in a process of its own) or some paths of it.

`python -m aid.context.scan ROOT INDEX MAX_FILES MAX_FILE_BYTES` compares every file's size and time with the index,
reads what differs, and prints one `Report` as JSON. It works at low priority, commits as it goes, so that what is
indexed can be used at once, and ends when its parent does.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from aid.context.ignore import IGNORE_FILES, Rules
from aid.context.languages import language_of
from aid.context.store import Writer, open_index
from aid.context.walk import Found, look, walk

COMMIT_FILES = 400
NICE = 10
BULK_CACHE_KIB = 65536
MOST_TOUCHED = 2000


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan found. `folders` are those entered, "" the root. `touched` None: too many changed to name them.

    `left_out` counts the files beyond `max_files`. `languages` are the names of those with outlines.
    """

    files: int
    folders: tuple[str, ...]
    touched: tuple[str, ...] | None
    left_out: int = 0
    languages: tuple[str, ...] = ()
    wall_s: float = 0.0


class Orphaned(Exception):
    """The process that asked for the scan has gone."""


def scan(
    root: Path,
    connection: sqlite3.Connection,
    *,
    max_files: int,
    max_file_bytes: int,
    wanted: Callable[[], bool] = lambda: True,
) -> Report:
    """Make the index say what the workspace holds now. Raises Orphaned between batches once it isn't `wanted`."""
    started = time.monotonic()
    writer = Writer(connection, root, max_file_bytes=max_file_bytes, bulk=True)
    known = writer.known()
    folders: list[str] = []
    touched: list[str] = []
    batch: list[Found] = []
    languages: set[str] = set()
    files = left_out = 0
    for found in walk(root, Rules(root), folders):
        if files >= max_files:
            left_out += 1
            continue
        files += 1
        if (spoken := language_of(found.path)) is not None:
            languages.add(spoken.name)
        if known.pop(found.path, None) == (found.size, found.mtime_ns):
            continue
        touched.append(found.path)
        batch.append(found)
        if len(batch) >= COMMIT_FILES:
            _write(writer, batch, ())
            batch = []
            if not wanted():
                raise Orphaned
    _write(writer, batch, known)
    touched += known
    return Report(
        files=files,
        folders=tuple(folders),
        touched=None if len(touched) > MOST_TOUCHED else tuple(touched),
        left_out=left_out,
        languages=tuple(sorted(languages)),
        wall_s=time.monotonic() - started,
    )


def _write(writer: Writer, files: Iterable[Found], gone: Iterable[str]) -> None:
    with writer:
        for found in files:
            writer.put(found)
        for path in gone:
            writer.drop(path)


def refresh(
    root: Path, connection: sqlite3.Connection, paths: Iterable[str], *, max_file_bytes: int
) -> tuple[list[str], bool]:
    """Bring only `paths` up to date. Returns those that changed, and whether a whole scan is needed as well.

    It is when a folder or an ignore file came, went or changed: then more than these paths may be in or out.
    """
    rules = Rules(root)
    writer = Writer(connection, root, max_file_bytes=max_file_bytes)
    changed: list[str] = []
    rescan = False
    with writer:
        for path in sorted(paths):
            rescan = rescan or is_rule(path)
            if (root / path).is_dir() and not (root / path).is_symlink():
                rescan = rescan or not rules.ignores_folder(path)
                continue
            found = look(root, path)
            if found is not None and not rules.ignores_any(path):
                if not writer.holds(found):
                    writer.put(found)
                    changed.append(path)
            elif writer.drop(path):
                changed.append(path)
            else:
                below = writer.below(path)
                changed += [one for one in below if writer.drop(one)]
    return changed, rescan


def is_rule(path: str) -> bool:
    """Whether the file at `path` says what is ignored."""
    name = path.rpartition("/")[2]
    return name in IGNORE_FILES or name in {".hgignore", "CACHEDIR.TAG"}


def main(arguments: list[str]) -> int:
    root, file, max_files, max_file_bytes = arguments
    parent = os.getppid()
    os.nice(NICE)
    Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = open_index(Path(file), cache_kib=BULK_CACHE_KIB)
    try:
        report = scan(
            Path(root),
            connection,
            max_files=int(max_files),
            max_file_bytes=int(max_file_bytes),
            wanted=lambda: os.getppid() == parent,
        )
    except Orphaned:
        return 1
    finally:
        connection.close()
    sys.stdout.buffer.write(msgspec.json.encode(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
