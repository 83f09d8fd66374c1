"""Tricks that are words: where they come into code, comments or strings, counted before and after.

A trick that only moves within the change, from one line or file to another, is not added.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal

import msgspec
from tree_sitter import Node

from ces.hacks.edited import EditedFile
from ces.hacks.source import Source, Span
from ces.verdict import Flag

Where = Literal["code", "comments", "uncommented", "text"]


class Pattern(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """`words` is a regular expression, looked for in one language's code, comments, or code with its strings."""

    trick: str
    language: str
    words: str
    says: str = ""
    where: Where = "code"

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.words, re.MULTILINE)

    def found(self, source: Source) -> list[Span]:
        """The first and last line of each time it is there."""
        if source.language != self.language or not self.compiled.search(source.text):  # saves parsing most files
            return []
        text = getattr(source, self.where)
        return [_lines(source, one) for one in self.compiled.finditer(text)]


class Shape(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What only the syntax tree shows. `words` must be in the new lines for `find` to be asked."""

    trick: str
    language: str
    words: str
    find: Callable[[Source], Iterable[Node | Span]]
    says: str = ""

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.words, re.MULTILINE)

    def found(self, source: Source) -> list[Span]:
        if source.language != self.language or not self.compiled.search(source.text):
            return []
        return [_rows(one) for one in self.find(source)]


def added(files: Sequence[EditedFile], patterns: Iterable[Pattern | Shape]) -> Iterator[Flag]:
    """A flag for each time more that a pattern is found after than before, where lines are new."""
    fresh: dict[str, list[str]] = {}
    for file in files:
        fresh.setdefault(file.language or "", []).append(file.added_text)
    for pattern in patterns:
        if not any(map(pattern.compiled.search, fresh.get(pattern.language, ()))):
            continue
        surplus = 0
        new: list[tuple[EditedFile, int]] = []
        for file in files:
            after = _found(pattern, file.after)
            surplus += len(after) - len(_found(pattern, file.before))
            new += [(file, line) for first, last in after if (line := _first_added(file, first, last)) is not None]
        for file, line in new[: max(surplus, 0)]:
            yield Flag(name=pattern.trick, path=file.path, line=line, message=pattern.says or shown(file.after, line))


def _rows(one: Node | Span) -> Span:
    return one if isinstance(one, tuple) else (one.start_point.row, one.end_point.row)


def _found(pattern: Pattern | Shape, source: Source) -> list[Span]:
    known = source.found.get((pattern.trick, pattern))
    if known is None:
        known = source.found[pattern.trick, pattern] = pattern.found(source)
    return known


def _first_added(file: EditedFile, first: int, last: int) -> int | None:
    return next((line for line in range(first, last + 1) if line in file.added), None)


def _lines(source: Source, found: re.Match[str]) -> Span:
    return source.line(found.start()), source.line(max(found.end() - 1, found.start()))


def shown(source: Source, line: int) -> str:
    """A line of the text, for a message."""
    return source.raw.split(b"\n")[line].decode("utf-8", "replace").strip()[:120]
