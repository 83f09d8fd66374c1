"""Questions to the index: the reading side of `aid.context.store`. Synchronous; run by `WorkspaceIndex.ask`.

Nothing here reads the workspace's files, and no question walks the whole index.
"""

import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping

import msgspec

from aid.context.languages import language_of
from aid.context.outline import Definition

MOST_DEFINED = 20  # a name defined in more places says nothing about which one is meant
_KIND_WEIGHTS = {"file": 3.0, "member": 0.5}  # a file's own name says most, a field's or constructor's least


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """A definition and the file it is in."""

    path: str
    definition: Definition


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the index has of one file, and the size and mtime_ns it had then."""

    size: int
    mtime_ns: int
    definitions: tuple[Definition, ...]


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """A file, how much it is referred to, and those of its definitions that are, in the file's order."""

    path: str
    score: float
    definitions: tuple[Definition, ...]


def count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COUNT(*) FROM files").fetchone()[0])


def known(db: sqlite3.Connection, path: str) -> Known | None:
    row = db.execute("SELECT id, size, mtime_ns FROM files WHERE path = ? AND text", (path,)).fetchone()
    if row is None:
        return None
    rows = db.execute(_DEFINITIONS + "WHERE d.file = ? AND d.kind <> 'file' ORDER BY d.rowid", (row[0],))
    return Known(size=row[1], mtime_ns=row[2], definitions=tuple(_definition(one) for one in rows))


def references(db: sqlite3.Connection, path: str) -> list[str] | None:
    """The names the file at `path` uses, in order of first use; None when the index has no outline of it."""
    row = db.execute("SELECT refs FROM files WHERE path = ?", (path,)).fetchone()
    if row is None or row[0] is None:
        return None
    ids = list(array("I", row[0]))
    query = "SELECT n.name FROM json_each(?) w JOIN names n ON n.id = w.value ORDER BY w.key"
    return [name for (name,) in db.execute(query, (json.dumps(ids),))]


def symbols(db: sqlite3.Connection, names: Collection[str], *, most: int = MOST_DEFINED) -> list[Symbol]:
    """Where `names` are defined, for those defined in at most `most` places, by path and line."""
    query = _DEFINITIONS.replace("SELECT", "SELECT f.path,", 1) + (
        "JOIN files f ON f.id = d.file JOIN json_each(?) w ON n.name = w.value "
        "WHERE n.defined <= ? AND d.kind <> 'file' ORDER BY f.path, d.first, n.name"
    )
    rows = db.execute(query, (json.dumps(sorted(names)), most))
    return [Symbol(path=row[0], definition=_definition(row[1:])) for row in rows]


def paths_named(db: sqlite3.Connection, names: Collection[str], *, most: int = 8) -> dict[str, list[str]]:
    """The files called or ending in each of `names` ("parser.ml", "lib/parser.ml"); too many alike are none."""
    result: dict[str, list[str]] = {}
    for name in sorted(names):
        last = name.rpartition("/")[2]
        rows = db.execute("SELECT path FROM files WHERE name = ? AND text ORDER BY path LIMIT 200", (last,))
        found = [path for (path,) in rows if path == name or path.endswith("/" + name)]
        if 0 < len(found) <= most:
            result[name] = found
    return result


def users(db: sqlite3.Connection, name: str, *, most: int) -> list[str]:
    """Files that use `name`, the first `most` by path."""
    query = (
        "SELECT f.path FROM names n JOIN uses u ON u.name = n.id JOIN files f ON f.id = u.file "
        "WHERE n.name = ? ORDER BY f.path LIMIT ?"
    )
    return [path for (path,) in db.execute(query, (name, most))]


def related(
    db: sqlite3.Connection, wanted: Mapping[str, float], *, beside: Collection[str], most: int
) -> list[Related]:
    """The files that define what is `wanted` (names and their weights), best first; not those in `beside`.

    A name counts the less the more places define it; a file whose own name is wanted counts more, and then also for
    its definitions of common names. An interface stands for its implementation. The idea is aider's repository map,
    with weighted counts over one step in place of PageRank.
    """
    names = json.dumps(sorted(wanted))
    query = (
        "SELECT f.path, n.name, n.defined, d.kind FROM json_each(?) w JOIN names n ON n.name = w.value "
        "JOIN definitions d ON d.name = n.id JOIN files f ON f.id = d.file WHERE n.defined BETWEEN 1 AND ?"
    )
    scores: defaultdict[str, float] = defaultdict(float)
    for path, name, defined, kind in db.execute(query, (names, MOST_DEFINED)):
        scores[path] += wanted[name] * _shape(name) * _KIND_WEIGHTS.get(kind, 1.0) / defined
    for path in beside:
        scores.pop(path, None)
    _prefer_interfaces(scores, beside)
    best = sorted(scores, key=lambda path: (-scores[path], path))[:most]
    query = _DEFINITIONS + (
        "JOIN files f ON f.id = d.file WHERE f.path = ? AND d.kind <> 'file' "
        "AND n.name IN (SELECT value FROM json_each(?)) ORDER BY d.rowid"
    )
    return [
        Related(
            path=path,
            score=scores[path],
            definitions=tuple(_definition(row) for row in db.execute(query, (path, names))),
        )
        for path in best
    ]


_DEFINITIONS = (
    "SELECT n.name, d.kind, d.first, d.last, d.depth, d.signature FROM definitions d JOIN names n ON n.id = d.name "
)


def _definition(row: tuple[str, str, int, int, int, str]) -> Definition:
    name, kind, first, last, depth, signature = row
    return Definition(name=name, kind=kind, first=first, last=last, depth=depth, signature=signature)


def _shape(name: str) -> float:
    """Long and composed names are distinctive; `_private` ones are seldom meant."""
    if name.startswith("_"):
        return 0.2
    composed = "_" in name or (name != name.lower() and name != name.capitalize())
    return 2.0 if composed and len(name) >= 8 else 1.0


def _prefer_interfaces(scores: dict[str, float], beside: Collection[str]) -> None:
    """Move each implementation's score to its interface, where that is among `scores`."""
    for path in list(scores):
        spoken = language_of(path)
        if spoken is None or spoken.interface is None:
            continue
        interface = path[: path.rfind(".")] + spoken.interface
        if interface in scores:
            scores[interface] += scores.pop(path)
        elif interface in beside:
            del scores[path]
