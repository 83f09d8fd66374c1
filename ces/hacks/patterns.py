"""Tricks that are words: where they come into code, comments or strings, counted before and after.

A trick that only moves within the change, from one line or file to another, is not added.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal

import msgspec

from ces.hacks.edited import EditedFile
from ces.hacks.source import Source
from ces.verdict import Flag

Where = Literal["code", "comments", "uncommented"]


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

    def found(self, source: Source) -> list[int]:
        """The lines it is on, one for each time."""
        if source.language != self.language or not self.compiled.search(source.text):  # saves parsing most files
            return []
        text = getattr(source, self.where)
        return [source.line(one.start()) for one in self.compiled.finditer(text)]


class Shape(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What only the syntax tree shows. `words` must be in the new lines for `find` to be asked; it gives lines."""

    trick: str
    language: str
    words: str
    find: Callable[[Source], Iterable[int]]
    says: str = ""

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.words, re.MULTILINE)

    def found(self, source: Source) -> list[int]:
        if source.language != self.language or not self.compiled.search(source.text):
            return []
        return list(self.find(source))


def added(files: Sequence[EditedFile], patterns: Iterable[Pattern | Shape]) -> Iterator[Flag]:
    """A flag for each time more that a pattern is found after than before, on the lines that are new."""
    for pattern in patterns:
        if not any(file.language == pattern.language and pattern.compiled.search(file.added_text) for file in files):
            continue
        surplus = 0
        new: list[tuple[EditedFile, int]] = []
        for file in files:
            after = pattern.found(file.after)
            surplus += len(after) - len(pattern.found(file.before))
            new += [(file, line) for line in after if line in file.added]
        for file, line in new[: max(surplus, 0)]:
            yield Flag(name=pattern.trick, path=file.path, line=line, message=pattern.says or shown(file.after, line))


def shown(source: Source, line: int) -> str:
    """A line of the text, for a message."""
    return source.raw.split(b"\n")[line].decode("utf-8", "replace").strip()[:120]
