"""A document as lines, and its own habits: newline style, final newline, byte order mark.

Lines are split at "\\n" alone: form feeds, lone carriage returns and Unicode's line separators stay inside a line,
as git and compilers have it.
"""

from collections.abc import Sequence
from functools import cached_property

BOM = "\ufeff"


class Text:
    """A document's lines. `raw` keep carriage returns and the byte order mark, `bare` have neither.

    `final_newline` is True for an empty document, so that what is added to it ends with one.
    """

    def __init__(self, text: str) -> None:
        self.final_newline = text.endswith("\n") or not text
        self.raw = text.split("\n")
        if self.final_newline:
            self.raw.pop()
        self.bom = text.startswith(BOM)
        self.carriage_returns = "\r" in text
        returns = text.count("\r\n") if self.carriage_returns else 0
        self.crlf = returns * 2 > text.count("\n")
        self.bare = self.raw
        if self.carriage_returns or self.bom:
            self.bare = [line.removesuffix("\r") for line in self.raw]
            if self.bom:
                self.bare[0] = self.bare[0].removeprefix(BOM)

    @cached_property
    def stripped_right(self) -> list[str]:
        return [line.rstrip() for line in self.bare]

    @cached_property
    def stripped(self) -> list[str]:
        return [line.strip() for line in self.bare]

    @cached_property
    def by_line(self) -> dict[str, list[int]]:
        """Each stripped line that isn't blank, and the lines it stands on."""
        places: dict[str, list[int]] = {}
        for number, line in enumerate(self.stripped):
            if line:
                places.setdefault(line, []).append(number)
        return places

    def beginning_with(self, start: str) -> list[int]:
        """The lines that begin with `start`, their indentation aside."""
        return [number for number, line in enumerate(self.stripped) if line.startswith(start)]

    @cached_property
    def joined_raw(self) -> str:
        """The raw lines each between newlines, so that `find_lines` finds lines; so too the three below."""
        return _join(self.raw)

    @cached_property
    def joined_bare(self) -> str:
        return self.joined_raw if self.bare is self.raw else _join(self.bare)

    @cached_property
    def joined_right(self) -> str:
        return _join(self.stripped_right)

    @cached_property
    def joined_stripped(self) -> str:
        return _join(self.stripped)


def assemble(lines: Sequence[str], final_newline: bool) -> str:
    """The document of `lines`; without lines it is empty, whatever `final_newline` says."""
    if not lines:
        return ""
    return "\n".join(lines) + ("\n" if final_newline else "")


def find_lines(joined: str, wanted: Sequence[str], limit: int) -> list[int]:
    """The zero-based lines where `wanted` stands in `joined` (see `Text.joined`), at most `limit`; overlaps count."""
    if not wanted:
        return []
    needle = _join(wanted)
    found: list[int] = []
    line, counted = 0, 0
    at = joined.find(needle)
    while at >= 0 and len(found) < limit:
        line += joined.count("\n", counted, at)
        counted = at
        found.append(line)
        at = joined.find(needle, at + 1)
    return found


def _join(lines: Sequence[str]) -> str:
    return "\n" + "\n".join(lines) + "\n" if lines else ""
