"""Names in the prompt: a word that is a file's name brings its head, one that is defined here its definition."""

import re
import sqlite3
from collections.abc import Collection

from aid.context import search
from aid.context.outline import Definition
from aid.context.piece import Ask, Piece, Place
from aid.context.reader import Reader

WEIGHT = 4
USES_WEIGHT = 2
MOST_WORDS = 200
MOST_FILES = 6
MOST_LINES = 60  # of a definition
PLAIN_PLACES = 3  # a word of plain English is a name only if it is defined in so few places
CODE_PLACES = 6
MOST_USERS = 15

_FILE = re.compile(r"[\w./-]*[\w-]\.\w{1,8}|[\w.-]+/[\w./-]+")
_NAME = re.compile(r"`([^`\s]+)`|([^\W\d][\w']*)")
_STOP_WORDS = """
about above after again also and another any are because been before being below both but can code could does each
error errors every fail file files first fix for found from function functions get give given has have here how into
its just last like line lines list make makes method module more most must name need needs new not one only open
option other our out over please print read remove rename replace return returns run same set should show some
string such sure test tests than that the their them then there these they this those through time too type types
use used uses using value values want was way were what when where which while who why will with without work works
would write wrong you your add all build change class
"""
_STOP = frozenset(_STOP_WORDS.split())


class Mentions:
    name = "mentions"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        prompt = ask.prompt[:20_000]
        words = dict(_words(_FILE.sub(" ", prompt))[:MOST_WORDS])
        named = set(_FILE.findall(prompt)[:MOST_WORDS])
        files, symbols = await reader.ask(({}, []), _look_up, named, words.keys())
        reader.expect([*_first(files), *dict.fromkeys(symbol.path for symbol in symbols)])
        pieces = [await self._file(reader, path) for path in _first(files)]
        for name, marked in words.items():
            places = [symbol for symbol in symbols if symbol.definition.name == name]
            if 0 < len(places) <= (CODE_PLACES if marked else PLAIN_PLACES):
                pieces += [await self._definition(reader, one.path, name) for one in places]
                pieces.append(await self._uses(reader, name) if marked else None)
        return [piece for piece in pieces if piece is not None][: 2 * MOST_FILES]

    async def _file(self, reader: Reader, path: str) -> Piece | None:
        text = await reader.text(path)
        if text is None:
            return None
        return Piece(source=self.name, title=path, text=text.text, weight=WEIGHT, place=Place.MENTIONED, path=path)

    async def _definition(self, reader: Reader, path: str, name: str) -> Piece | None:
        """The definition as it is in the file's current text, wherever it has moved to."""
        text = await reader.text(path)
        here: list[Definition] = [one for one in await reader.outline(path) if one.name == name]
        if text is None or not here:
            return None
        return Piece(
            source=self.name,
            title=path,
            text=text.text,
            weight=WEIGHT,
            place=Place.MENTIONED,
            path=path,
            focus=tuple((one.first, min(one.last, one.first + MOST_LINES)) for one in here),
            whole=False,
        )

    async def _uses(self, reader: Reader, name: str) -> Piece | None:
        paths = await reader.ask([], search.users, name, most=MOST_USERS + 1)
        if not paths:
            return None
        more = ["…"] if len(paths) > MOST_USERS else []
        return Piece(
            source=self.name,
            title=f"files that use {name}",
            text="\n".join(paths[:MOST_USERS] + more),
            weight=USES_WEIGHT,
            place=Place.USES,
        )


def _look_up(
    db: sqlite3.Connection, files: Collection[str], names: Collection[str]
) -> tuple[dict[str, list[str]], list[search.Symbol]]:
    return search.paths_named(db, files), search.symbols(db, names, most=CODE_PLACES)


def _first(files: dict[str, list[str]]) -> list[str]:
    return list(dict.fromkeys(path for name in sorted(files) for path in files[name]))[:MOST_FILES]


def _words(prompt: str) -> list[tuple[str, bool]]:
    """The words that may be names, in order, each with whether it is marked as one (backticks, shape)."""
    found: dict[str, bool] = {}
    for match in _NAME.finditer(prompt):
        quoted, plain = match.groups()
        names = re.findall(r"[^\W\d][\w']*", quoted) if quoted else [plain]
        for name in names:
            marked = bool(quoted) or "_" in name or (name != name.lower() and name != name.capitalize())
            if len(name) > 1 and (marked or (len(name) > 2 and name.lower() not in _STOP)):
                found[name] = found.get(name, False) or marked
    return list(found.items())
