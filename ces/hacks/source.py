"""One file's text as the detectors read it: code, comments and strings apart, all at the same offsets.

Text is decoded as latin-1, so that an offset is a byte's; every name looked for is ASCII. A file that doesn't parse is
read as far as the grammar recovers, which is enough for comments and strings.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import msgspec
from tree_sitter import Node, Parser, QueryCursor, Tree

from ces.hacks.languages import Spoken, kinds_query, load, spoken

_MARKS = re.compile(r"[\s\"'(),:{}\[\]rRbBuU]+")  # layout, and what strings and lists of them are written with
_SPACE = re.compile(r"\s+")
_LOOSE = re.compile(r" (?=[^\w\s])|(?<=[^\w\s]) ")
Span = tuple[int, int]


class Spans(msgspec.Struct, frozen=True):
    """Where comments stand, where contents of strings, and where strings that nothing reads (docstrings); in order."""

    comments: tuple[Span, ...] = ()
    strings: tuple[Span, ...] = ()
    docs: tuple[Span, ...] = ()

    @property
    def uncode(self) -> list[Span]:
        return sorted((*self.comments, *self.docs))

    def within(self, start: int, end: int) -> "Spans":
        """Those that touch a stretch."""
        each = (tuple(one for one in spans if one[1] > start and one[0] < end) for spans in self.each)
        return Spans(*each)

    @property
    def each(self) -> tuple[tuple[Span, ...], ...]:
        return self.comments, self.strings, self.docs


class Window(msgspec.Struct, frozen=True):
    """The stretch of a text that isn't as in the text it was made from; what follows it stood `shift` bytes before."""

    start: int
    end: int
    shift: int


class Source(msgspec.Struct, frozen=True, dict=True):
    """A file's text under its name. `before` is what it was made from: most of its syntax tree is that one's."""

    path: str
    raw: bytes
    before: "Source | None" = None

    @property
    def spoken(self) -> Spoken | None:
        return spoken(self.path)

    @property
    def language(self) -> str | None:
        return None if self.spoken is None else self.spoken.name

    @cached_property
    def text(self) -> str:
        return self.raw.decode("latin-1")

    @cached_property
    def tree(self) -> Tree | None:
        """The syntax tree; None for a language without a grammar."""
        if self.spoken is None or self.spoken.grammar is None:
            return None
        parser = Parser(load(self.spoken).language)
        old = self._old_tree
        return parser.parse(self.raw) if old is None else parser.parse(self.raw, old)

    @cached_property
    def _old_tree(self) -> Tree | None:
        """That of the text before, told of what is edited."""
        if self.before is None or self.before.tree is None or self.before.spoken is not self.spoken:
            return None
        old = self.before.tree.copy()
        old.edit(**_edit(self.before.raw, self.raw))
        return old

    @property
    def root(self) -> Node | None:
        return None if self.tree is None else self.tree.root_node

    @cached_property
    def window(self) -> Window | None:
        """Whole lines, outside which text and syntax are those of the text before; None: there is none."""
        if self._old_tree is None or self.before is None or self.tree is None:
            return None
        edit = _edit(self.before.raw, self.raw)
        ranges = self._old_tree.changed_ranges(self.tree)
        start = min([edit["start_byte"], *(one.start_byte for one in ranges)])
        end = max([edit["new_end_byte"], *(one.end_byte for one in ranges)])
        following = self.raw.find(b"\n", end)
        return Window(
            self.raw.rfind(b"\n", 0, start) + 1,
            len(self.raw) if following < 0 else following + 1,
            len(self.raw) - len(self.before.raw),
        )

    @cached_property
    def spans(self) -> Spans:
        if self.spoken is None:
            return Spans()
        if self.root is None:
            return _lexed(self.text, self.spoken)
        if self.window is None or self.before is None:
            return _captured(self.spoken, self.root, None)
        return _moved(self.before.spans, self.window, _captured(self.spoken, self.root, self.window))

    @cached_property
    def code(self) -> str:
        """Comments, strings' contents and docstrings are blanks."""
        return self._blanked(lambda source: source.code, lambda spans: sorted((*spans.uncode, *spans.strings)))

    @cached_property
    def uncommented(self) -> str:
        return self._blanked(lambda source: source.uncommented, lambda spans: spans.uncode)

    def _blanked(self, known: "Callable[[Source], str]", wanted: "Callable[[Spans], list[Span]]") -> str:
        """The text with some spans blank: outside the window as it was."""
        if self.window is None or self.before is None:
            return _without(self.text, wanted(self.spans))
        start, end = self.window.start, self.window.end
        was = known(self.before)
        near = wanted(self.spans.within(start, end))
        spans = [(max(first, start) - start, min(last, end) - start) for first, last in near]
        return was[:start] + _without(self.text[start:end], spans) + was[end - self.window.shift :]

    @cached_property
    def found(self) -> dict[tuple[str, object], list[Span]]:
        """What detectors found here, by trick and who asked: a file as it was before is asked again and again."""
        return {}

    def has(self, trick: str) -> bool:
        """Whether a trick was found here, among those asked for."""
        return any(spans and name == trick for (name, _), spans in self.found.items())

    def nodes(self, *kinds: str) -> list[Node]:
        """The nodes of some kinds, in order."""
        if self.root is None or self.spoken is None:
            return []
        found = QueryCursor(kinds_query(self.spoken, kinds)).captures(self.root).get("node", [])
        return sorted(found, key=lambda node: (node.start_byte, -node.end_byte))

    @cached_property
    def comments(self) -> str:
        """Everything but comments is blanks."""
        return _only(self.text, self.spans.comments)

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts."""
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def bare_lines(self) -> list[str]:
        return self.code.split("\n")

    @cached_property
    def code_lines(self) -> list[str]:
        return self.uncommented.split("\n")


@lru_cache(maxsize=128)
def known(path: str, raw: bytes) -> Source:
    """A file as it was before a change: most changes are to the same few, so what was read of them is kept."""
    return Source(path, raw)


def squeezed(source: Source, start: int = 0, end: int | None = None) -> str:
    """The code in a stretch without its comments and with no more white space than it needs; strings as they are."""
    end = len(source.raw) if end is None else end
    text = source.uncommented
    parts = []
    at = start
    strings = source.spans.strings
    for first, last in strings[bisect_left(strings, (start, 0)) :]:
        if first >= end:
            break
        if first < at:
            continue
        parts += [_squeeze(text[at:first]), text[first:last]]
        at = last
    return "".join((*parts, _squeeze(text[at:end]))).strip()


def marks(source: Source, lines: frozenset[int]) -> list[str]:
    """The characters that are code on those lines, strings left out; sorted, since lines may be broken elsewhere."""
    return sorted(_MARKS.sub("", "".join(source.bare_lines[line] for line in lines)))


def walk(node: Node, into: Callable[[Node], bool] = lambda _: True) -> list[Node]:
    """The nodes below, in order; those below a node that `into` refuses are left out."""
    found = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        found.append(one)
        if into(one):
            waiting.extend(reversed(one.named_children))
    return found[1:]


def _captured(spoken: Spoken, root: Node, window: Window | None) -> Spans:
    cursor = QueryCursor(load(spoken).hidden)
    if window is not None:
        cursor.set_byte_range(window.start, window.end)
    found = cursor.captures(root)
    docs = [one for one in found.get("doc", []) if _idle(one)]
    strings = _sorted(found.get("string", []))
    if docs:
        ends = [(one.start_byte, one.end_byte) for one in docs]
        strings = tuple(one for one in strings if not any(start <= one[0] < end for start, end in ends))
    return Spans(_sorted(found.get("comment", [])), strings, _sorted(docs))


def _idle(doc: Node) -> bool:
    """Whether a string that stands alone is read by nobody: no doctest, nothing worked out within it."""
    return all(one.type != "interpolation" for one in doc.named_children) and b">>>" not in (doc.text or b"")


def _moved(known: Spans, window: Window, fresh: Spans) -> Spans:
    """The spans of a text from those of the text before and those in the window."""
    until = window.end - window.shift
    each = (
        tuple(
            sorted(
                {
                    *(one for one in old if one[1] <= window.start),
                    *new,
                    *((start + window.shift, end + window.shift) for start, end in old if start >= until),
                }
            )
        )
        for old, new in zip(known.each, fresh.each, strict=True)
    )
    return Spans(*each)


def _edit(old: bytes, new: bytes) -> dict[str, Any]:
    """What lies between the bytes that both begin and both end with, as tree-sitter wants to be told."""
    most = min(len(old), len(new))
    head = common(old, new, most)
    foot = common(old[::-1], new[::-1], most - head)
    ends = len(old) - foot, len(new) - foot
    return {
        "start_byte": head,
        "old_end_byte": ends[0],
        "new_end_byte": ends[1],
        "start_point": _point(old, head),
        "old_end_point": _point(old, ends[0]),
        "new_end_point": _point(new, ends[1]),
    }


def common(one: Sequence[object], other: Sequence[object], most: int) -> int:
    """How many items both begin with, at most; by halving: comparing slices is far faster than comparing items."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(raw: bytes, at: int) -> tuple[int, int]:
    return raw.count(b"\n", 0, at), at - (raw.rfind(b"\n", 0, at) + 1)


def _sorted(nodes: list[Node]) -> tuple[Span, ...]:
    return tuple(sorted((node.start_byte, node.end_byte) for node in nodes))


def _lexed(text: str, spoken: Spoken) -> Spans:
    comments: list[Span] = []
    strings: list[Span] = []
    for found in re.finditer(f"(?P<string>{spoken.string})|(?P<comment>{spoken.comment})", text, re.DOTALL):
        if found["string"] is None:
            comments.append(found.span())
        else:
            strings.append((found.start() + 1, found.end() - 1))
    return Spans(tuple(comments), tuple(strings))


def _without(text: str, spans: tuple[Span, ...] | list[Span]) -> str:
    parts = []
    at = 0
    for start, end in spans:
        if start >= at:
            parts += [text[at:start], _blank(text[start:end])]
            at = end
    return "".join((*parts, text[at:]))


def _only(text: str, spans: tuple[Span, ...]) -> str:
    parts = []
    at = 0
    for start, end in spans:
        if start >= at:
            parts += [_blank(text[at:start]), text[start:end]]
            at = end
    return "".join((*parts, _blank(text[at:])))


def _blank(text: str) -> str:
    """As long, with the same lines, and nothing in them."""
    if "\n" not in text:
        return " " * len(text)
    return "\n".join(" " * len(line) for line in text.split("\n"))


def _squeeze(text: str) -> str:
    return _LOOSE.sub("", _SPACE.sub(" ", text))
