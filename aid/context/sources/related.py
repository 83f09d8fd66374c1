"""What the files at hand refer to: signatures from all over the workspace, ranked by reference (a repository map).

The map of the named files is kept as it is while what it says stays true and little is missing from it, although the
files are edited or errors come and go: it stands first in the prompt, and a changed first line makes a server's prefix
cache useless. What has become relevant since stands further down.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aid.context import search
from aid.context.outline import Definition
from aid.context.piece import Ask, Piece, Place
from aid.context.reader import Reader
from aid.context.sources.errors import pick

NAMED, ERRING, OPEN = 1.0, 3.0, 0.2  # how much a reference counts, by where it stands
WEIGHT = 3
MAP_FILES = 12
ALSO_FILES = 4
FILE_SIGNATURES = 12
MAPS = 64
ERROR_LINES = 3

_Shown = dict[str, tuple[str, ...]]  # path -> signatures


class _Kept(msgspec.Struct, frozen=True):
    """A map as it was shown, and the index's generation when it was last found true."""

    shown: _Shown
    generation: int


class RelatedFiles:
    name = "related"

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, tuple[str, ...]], _Kept] = OrderedDict()

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        if reader.index is None:
            return []
        named = sorted({path for ref in ask.files if (path := reader.relative(ref.path)) is not None})
        wanted = await self._wanted(ask, reader, named)
        beside = {*named, *(one.file for one in ask.diagnostics if one.file is not None)}
        ranked = await reader.ask([], search.related, wanted, beside=beside, most=MAP_FILES)
        fresh = {one.path: signatures(one.definitions) for one in ranked}
        kept = await self._still_true(reader, (reader.root, tuple(named)))
        also = {path: shown for path, shown in fresh.items() if kept is None or path not in kept}
        if kept is None or 2 * len(also) > max(len(kept), ALSO_FILES):
            kept, also = fresh, {}
        self._keep((reader.root, tuple(named)), _Kept(kept, reader.index.generation))
        return [
            *self._piece("other files of this workspace", kept, Place.MAP),
            *self._piece("also related", dict(list(also.items())[:ALSO_FILES]), Place.ALSO),
        ]

    async def _wanted(self, ask: Ask, reader: Reader, named: Sequence[str]) -> dict[str, float]:
        """Every name referred to, with its weight."""
        wanted: dict[str, float] = {}

        def want(names: Sequence[str], weight: float) -> None:
            for name in names:
                wanted[name] = max(wanted.get(name, 0.0), weight)

        errors = pick(ask.diagnostics)
        for path in dict.fromkeys(one.file for one in errors if one.file is not None):
            want(await reader.references(path), NAMED)
            at = [one.range.start_line for one in errors if one.file == path and one.range is not None]
            want(await self._near_errors(reader, path, at), ERRING)
        for path in named:
            want(await reader.references(path), NAMED)
        for path in reader.open_paths()[:8]:
            want(await reader.references(path), OPEN)
        return wanted

    async def _near_errors(self, reader: Reader, path: str, lines: Sequence[int]) -> list[str]:
        text = await reader.text(path)
        known = set(await reader.references(path))
        if text is None or not known:
            return []
        near = " ".join(" ".join(text.lines[max(0, at - ERROR_LINES) : at + ERROR_LINES + 1]) for at in lines)
        return [name for name in known if name in near]

    async def _still_true(self, reader: Reader, key: tuple[Path, tuple[str, ...]]) -> _Shown | None:
        """The map kept for these files, if all it says is still so."""
        kept = self._kept.get(key)
        if kept is None or reader.index is None:
            return None
        if kept.generation == reader.index.generation:
            return kept.shown
        for path, shown in kept.shown.items():
            known = await reader.ask(None, search.known, path)
            now = () if known is None else {one.signature for one in known.definitions}
            if known is None or not all(line in now for line in shown):
                return None
        return kept.shown

    def _keep(self, key: tuple[Path, tuple[str, ...]], kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > MAPS:
            self._kept.popitem(last=False)

    def _piece(self, title: str, shown: _Shown, place: int) -> list[Piece]:
        lines = [line for path, inside in shown.items() for line in (f"{path}:", *(f"  {one}" for one in inside))]
        if not lines:
            return []
        return [Piece(source=self.name, title=title, text="\n".join(lines), weight=WEIGHT, place=place)]


def signatures(definitions: Sequence[Definition]) -> tuple[str, ...]:
    """Each signature once; a constructor and its type have the same one."""
    return tuple(dict.fromkeys(one.signature for one in definitions))[:FILE_SIGNATURES]
