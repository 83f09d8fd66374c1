"""Where lines stand in a document, from the strictest way of comparing to the most tolerant one that is still sure.

Lines in, candidates out: all places of the first way that finds any. Which candidate is meant is `place`'s to say;
near misses are `fuzzy`'s.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from aid.edits.edit import How
from aid.edits.text import BOM, Text, find_lines

MAX_CANDIDATES = 10_000
_MAX_SHIFTED = 100  # comparing indentation line by line is slow, and so many places are ambiguous anyway

_NUMBERED = re.compile(r"^\s*(\d{1,9}) ?\|(?: (.*)|\s*)$", re.DOTALL)


class Shift(msgspec.Struct, frozen=True):
    """How the document's indentation differs from the reply's: `map` gives it for each indentation seen, else `add`
    is put before a line and `remove` taken off it."""

    add: str = ""
    remove: str = ""
    map: dict[str, str] | None = None

    def line(self, text: str) -> str | None:
        """`text` as the document would indent it; None where that can't be known."""
        body = text.lstrip()
        if not body:
            return text
        indent = text[: len(text) - len(body)]
        if self.map is not None:
            return self.map[indent] + body if indent in self.map else None
        if not indent.startswith(self.remove):
            return None
        return self.add + indent[len(self.remove) :] + body


class Match(msgspec.Struct, frozen=True):
    """`old` found at line `start` (zero-based). `faithful`: line ends and byte order mark were quoted too."""

    start: int
    how: How
    shift: Shift = Shift()
    faithful: bool = False


def find_all(text: Text, old: Sequence[str]) -> list[Match]:
    """The candidates for `old`; empty when it stands nowhere, even with other blanks."""
    plain = [line.removesuffix("\r") for line in old]
    if plain and plain[0].startswith(BOM):
        plain[0] = plain[0].removeprefix(BOM)
    if plain != list(old):
        faithful = find_lines(text.joined_raw, old, MAX_CANDIDATES)
        if faithful:
            return [Match(start, "exact", faithful=True) for start in faithful]
    exact = find_lines(text.joined_bare, plain, MAX_CANDIDATES)
    if exact:
        return [Match(start, "exact") for start in exact]
    trailing = find_lines(text.joined_right, [line.rstrip() for line in plain], MAX_CANDIDATES)
    if trailing:
        return [Match(start, "whitespace") for start in trailing]
    return _find_shifted(text, plain)


def _find_shifted(text: Text, old: Sequence[str]) -> list[Match]:
    """Places where only the indentation differs, by one and the same shift on every line."""
    if not any(line.strip() for line in old):
        return []
    found = []
    for start in find_lines(text.joined_stripped, [line.strip() for line in old], _MAX_SHIFTED):
        shift = shift_between(old, text.bare[start : start + len(old)])
        if shift is not None:
            found.append(Match(start, "indentation", shift))
    return found


def shift_between(old: Sequence[str], lines: Sequence[str]) -> Shift | None:
    """How `lines` are indented against `old`, line by line alike but for that; None where no one shift says it."""
    indents = ((_indent(mine), _indent(its)) for mine, its in zip(old, lines, strict=True) if mine.strip())
    pairs = list(dict.fromkeys(indents))
    for mine, its in pairs[:1]:
        add = its.removesuffix(mine) if its.endswith(mine) else None
        remove = mine.removesuffix(its) if mine.endswith(its) else None
        if add is not None and all(other == add + own for own, other in pairs):
            return Shift(add=add)
        if remove is not None and all(own == remove + other for own, other in pairs):
            return Shift(remove=remove)
    mapping = dict(pairs)
    one_to_one = len(mapping) == len(pairs) == len(set(mapping.values()))
    by_depth = sorted(mapping, key=len)
    grows = all(len(mapping[a]) < len(mapping[b]) for a, b in pairwise(by_depth))
    return Shift(map=mapping) if mapping and one_to_one and grows else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def without_numbers(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str], int] | None:
    """Both sides without the line numbers copied from a listing (`12 | text`), and the first of them.

    None unless every old line has one, each one more than the line before.
    """
    matches = [_NUMBERED.match(line) for line in old]
    numbers = [int(match[1]) for match in matches if match]
    if not old or len(numbers) < len(old) or numbers != list(range(numbers[0], numbers[0] + len(old))):
        return None
    plain: Callable[[str], str] = lambda line: (match[2] or "") if (match := _NUMBERED.match(line)) else line  # noqa: E731
    numbered = bool(new) and all(_NUMBERED.match(line) for line in new)
    return [plain(line) for line in old], [plain(line) for line in new] if numbered else list(new), numbers[0]
