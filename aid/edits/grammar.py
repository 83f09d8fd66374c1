"""A grammar under which a model's reply can only be an edit that fits the files it was shown.

Files in, GBNF out (llama.cpp, grammars/README.md). The reply names one of the files, and what it quotes are lines of
that file that follow each other, as many from the first as it takes to stand there only once: so the edit finds its
place by construction. Only the new lines are free, save that none can be one of the format's markers. Whole files have
nothing to quote, so only their names are held. That an edit changes something can't be said in a grammar.

Every piece is bounded (`Limits`), so that a reply always ends: one that a token limit cuts off is no edit at all. The
grammar grows with the number of lines: one rule for a line's text, and one alternative for each line to begin at.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Protocol

import msgspec

from aid.edits.apply_patch import marked
from aid.edits.diff import quoted_name
from aid.edits.edit import Format
from aid.edits.reply import order_path, path_line
from aid.edits.text import Text

MAX_LINES = 600  # each line to begin at is one more stack that llama.cpp tries every token of its vocabulary on
MAX_UNIQUE_LINES = 40  # a line only unique with more lines below it is not begun at: keeps the grammar linear
_ANY = r"[^\x00\r\n]"
_AFTER = 3  # lines of context below what is new
_BLANKS = 32  # that may begin a new line
_MARKERS = 160  # what an edit has besides quoted and new text: its path and the format's own lines
_LEAST_EDIT = 2048  # characters; a reply with room for several such edits may have several


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a reply may hold: `edits`, and in each `new_lines` of `line_chars`, and what it quotes: `quoted_lines`
    more than it takes to be unique, all of them within `quoted_chars`.

    A small model goes on and on; without bounds its token limit cuts it off in the middle of an edit.
    """

    edits: int = 8
    new_lines: int = 24
    line_chars: int = 160
    quoted_lines: int = 8
    quoted_chars: int = 1200

    @classmethod
    def within(cls, chars: int) -> "Limits":
        """Replies of at most `chars` characters: a fifth of an edit for what it quotes, half as much for what a hunk
        shows below, the rest for what is new."""
        edits = max(1, min(8, chars // _LEAST_EDIT))
        each = max(chars // edits - _MARKERS, 200)
        line_chars = 100 if each < _LEAST_EDIT else 160
        return cls(
            edits=edits, new_lines=max(1, each * 7 // 10 // line_chars), line_chars=line_chars, quoted_chars=each // 5
        )

    @property
    def news(self) -> str:
        """How often a new line may come, as GBNF writes it."""
        return f"{{0,{self.new_lines}}}"


DEFAULT = Limits()


class Source(Protocol):
    """A file as the prompt shows it: `aid.models.backend.SourceText`. `shown` are zero-based [first, last) pairs."""

    @property
    def path(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def shown(self) -> Sequence[tuple[int, int]]: ...


def grammar(format: Format, sources: Sequence[Source], limits: Limits = DEFAULT) -> str:
    """The GBNF for `format` over `sources`; empty where no line of them can be edited.

    At most `MAX_LINES` lines are taken, from the first source on: show the lines that matter.
    """
    if format == "whole":
        return _whole(sources, limits)
    left = MAX_LINES
    files: list[_File] = []
    for source in sources:
        file = _File(len(files), source, left, limits)
        if file.starts:
            files.append(file)
            left -= len(file.lines)
    if not files:
        return ""
    longest = max(_longest_run(file.text.bare, "<=>") for file in files)
    width = max(7, longest + 1 if longest >= 5 else 7)
    build = {
        "search-replace": _search_replace,
        "line-range": _line_range,
        "udiff": _udiff,
        "apply-patch": _apply_patch,
    }[format]
    return "\n".join(build(files, width, limits)) + "\n"


class _File:
    """A source's part of the grammar. `lines` are those that may be quoted, `starts` where quoting may begin, each
    with the number of lines it takes to be the only place and the number it may have at most. A blank line begins
    nothing: it says too little."""

    def __init__(self, number: int, source: Source, left: int, limits: Limits) -> None:
        self._limits = limits
        self.name = f"f{number}"
        self.path = source.path
        self.text = Text(source.text)
        size = len(self.text.bare)
        spans = sorted((max(0, first), min(size, last)) for first, last in source.shown or ((0, size),))
        self.lines = sorted({line for first, last in spans for line in range(first, last)})[: max(0, left)]
        self._quotable = set(self.lines)
        self.starts: dict[int, tuple[int, int]] = {}
        for line, least in unique_lengths(self.text.bare, MAX_UNIQUE_LINES).items():
            most = self._reach(line, least + limits.quoted_lines, limits.quoted_chars)
            if self.text.stripped[line] and most >= least:
                self.starts[line] = (least, most)

    def _reach(self, line: int, most_lines: int, most_chars: int) -> int:
        """How many lines from `line` on may be quoted."""
        chars, end = 0, line
        while end in self._quotable and end - line < most_lines:
            chars += len(self.text.bare[end]) + 8  # its sign, or its number
            if chars > most_chars:
                break
            end += 1
        return end - line

    def blocks(self, texts: dict[int, str]) -> Iterator[str]:
        """Rules that quote this file line after line; `texts` gives a line's expression. Their root is `self.name`."""
        yield from self._texts(texts)
        begins = [
            " ".join(f"{self.name}-l{step}" for step in range(line, line + least))
            + self._more(range(line + least, line + most), "l")
            for line, (least, most) in self.starts.items()
        ]
        yield f"{self.name} ::= {' | '.join(begins)}"

    def hunks(self, texts: dict[int, str], kept: dict[int, str]) -> Iterator[str]:
        """The rules of one hunk: lines that are kept or go, new ones, lines that are kept. `kept` has no line that
        reads like a marker."""
        yield from self._texts(texts)
        begins = []
        for line, text in kept.items():
            yield f"{self.name}-k{line} ::= {text}"
        for line in sorted({*self.lines, *(line + 1 for line in self.lines)}):
            reach = self._reach(line, _AFTER, self._limits.quoted_chars // 2)
            after = list(takewhile(kept.__contains__, range(line, line + reach)))
            yield f"{self.name}-n{line} ::= new{self._more(after, 'k')}"
        for line, (least, most) in self.starts.items():
            inner = f"{self.name}-n{line + most}"
            for step in range(line + most - 1, line + least - 1, -1):
                inner = f"({self.name}-n{step} | {self.name}-l{step} {inner})"
            begins.append(" ".join(f"{self.name}-l{step}" for step in range(line, line + least)) + " " + inner)
            if line == self.lines[0] and all(step in kept for step in range(line, line + least)):
                begins.append("new " + " ".join(f"{self.name}-k{step}" for step in range(line, line + least)))
        yield f"{self.name} ::= {' | '.join(begins)}"

    def _texts(self, texts: dict[int, str]) -> Iterator[str]:
        for line in self.lines:
            yield f"{self.name}-l{line} ::= {texts[line]}"

    def _more(self, lines: Sequence[int], kind: str) -> str:
        """Any number of `lines`, from the first on."""
        return "".join(f" ({self.name}-{kind}{line}" for line in lines) + ")?" * len(lines)


def unique_lengths(lines: Sequence[str], limit: int) -> dict[int, int]:
    """For each line the least number of lines from it on that stand nowhere else; without those that need more
    than `limit` or that the end of the file cuts short."""
    numbers: dict[object, int] = {}
    single = [numbers.setdefault(line, len(numbers)) for line in lines]
    current = dict(enumerate(single))
    lengths: dict[int, int] = {}
    for length in range(1, limit + 1):
        count: dict[int, int] = {}
        for window in current.values():
            count[window] = count.get(window, 0) + 1
        alone = [line for line, window in current.items() if count[window] == 1]
        lengths.update(dict.fromkeys(alone, length))
        ids: dict[tuple[int, int], int] = {}
        current = {
            line: ids.setdefault((window, single[line + length]), len(ids))
            for line, window in current.items()
            if count[window] > 1 and line + length < len(lines)
        }
        if not current:
            break
    return dict(sorted(lengths.items()))


def literal(text: str) -> str:
    """`text` as a GBNF string."""
    escaped = []
    for char in text:
        if char in '"\\':
            escaped.append("\\" + char)
        elif char == "\n":
            escaped.append("\\n")
        elif ord(char) < 32 or ord(char) == 127:
            escaped.append(f"\\x{ord(char):02X}")
        else:
            escaped.append(char)
    return '"' + "".join(escaped) + '"'


def _longest_run(lines: Sequence[str], chars: str) -> int:
    """The longest run of one of `chars` that begins a line."""
    longest = 0
    for line in lines:
        body = line.lstrip()
        if body[:1] and body[0] in chars:
            longest = max(longest, len(body) - len(body.lstrip(body[0])))
    return longest


def _free_lines(chars: str, width: int, rest: str, *, indented: bool = True, numbered: bool = False) -> list[str]:
    """Rules for `line`: one that doesn't begin with `width` times one of `chars`. `rest` is what follows its first.

    `numbered`: one that doesn't begin as quoted lines do, with a number and a bar.
    """
    runs = [f'"{char * count}" ([^{char}\\x00\\r\\n] rest)?' for char in chars for count in range(1, width)]
    digits = "0-9" * numbered
    if numbered:
        runs.append("[0-9]{1,6} ([^0-9|\\x00\\r\\n] rest)?")
    blanks, not_blank = (f"[ \\t]{{0,{_BLANKS}}} ", " \\t") if indented else ("", "")
    first = f"[^{not_blank}{chars}{digits}\\x00\\r\\n]"
    return [
        f"any ::= {_ANY}",
        f"rest ::= {rest}",
        f'line ::= {blanks}({first} rest | {" | ".join(runs)})? "\\n"',
    ]


def _listed(files: Sequence[_File], limits: Limits) -> str:
    edits = " | ".join(f"{file.name}-edit" for file in files)
    return f'root ::= edit ("\\n" edit){{0,{limits.edits - 1}}}\nedit ::= {edits}'


def _search_replace(files: Sequence[_File], width: int, limits: Limits) -> list[str]:
    return _blocks(files, width, limits, ("SEARCH", "REPLACE"))


def _line_range(files: Sequence[_File], width: int, limits: Limits) -> list[str]:
    return _blocks(files, width, limits, ("LINES", "END"), numbered=True)


def _blocks(
    files: Sequence[_File], width: int, limits: Limits, names: tuple[str, str], *, numbered: bool = False
) -> list[str]:
    rules = [_listed(files, limits)]
    divider, closing = literal("=" * width + "\n"), literal(f"{'>' * width} {names[1]}\n")
    for file in files:
        opening = literal(f"{path_line(file.path)}\n{'<' * width} {names[0]}\n")
        rules.append(f"{file.name}-edit ::= {opening} {file.name} {divider} line{limits.news} {closing}")
        texts = {line: f"{line + 1}| " * numbered + file.text.bare[line] for line in file.lines}
        rules += file.blocks({line: literal(text + "\n") for line, text in texts.items()})
    return rules + _free_lines("<=>", width, f"any{{0,{limits.line_chars - _BLANKS - width - 1}}}", numbered=numbered)


def _udiff(files: Sequence[_File], width: int, limits: Limits) -> list[str]:
    edits = " | ".join(f"{file.name}-edit" for file in files)
    rules = [f"root ::= edit{{1,{limits.edits}}}\nedit ::= {edits}"]
    for file in files:
        header = f"--- {quoted_name('a/', file.path)}\n+++ {quoted_name('b/', file.path)}\n@@ @@\n"
        rules.append(f"{file.name}-edit ::= {literal(header)} {file.name}")
        rules += file.hunks(*_signed(file))
    return [*rules, *_new(limits)]


def _signed(file: _File) -> tuple[dict[int, str], dict[int, str]]:
    """Each line as context or gone, and as context alone. Context that reads like a marker can only go."""
    either, kept = {}, {}
    for line in file.lines:
        bare = file.text.bare[line]
        sign = literal("-") if marked(bare) else "[ -]"
        either[line] = f"{sign} {literal(bare + chr(10))}"
        if not marked(bare):
            kept[line] = literal(f" {bare}\n")
    return either, kept


def _new(limits: Limits) -> list[str]:
    """Rules for `new`: the lines that come."""
    added = f'("+" any{{0,{limits.line_chars - 2}}} "\\n")'
    return [f"any ::= {_ANY}", f"new ::= {added}{limits.news}"]


def _apply_patch(files: Sequence[_File], width: int, limits: Limits) -> list[str]:
    edits = " | ".join(f"{file.name}-edit" for file in files)
    begin, end = literal("*** Begin Patch\n"), literal("*** End Patch\n")
    rules = [f"root ::= {begin} edit{{1,{limits.edits}}} {end}\nedit ::= {edits}"]
    for file in files:
        header = literal(f"*** Update File: {order_path(file.path)}\n@@\n")
        rules.append(f"{file.name}-edit ::= {header} {file.name}")
        rules += file.hunks(*_signed(file))
    return [*rules, *_new(limits)]


def _whole(sources: Sequence[Source], limits: Limits) -> str:
    if not sources:
        return ""
    longest = max(_longest_run(Text(source.text).bare, "`") for source in sources)
    width = max(3, longest + 1)
    names = " | ".join(literal(path_line(source.path)) for source in sources)
    marks = literal("`" * width + "\n")
    return (
        "\n".join(
            [
                f'root ::= file ("\\n" file){{0,{limits.edits - 1}}}',
                f"name ::= {names}",
                f'file ::= name "\\n" {marks} line* {marks}',
                *_free_lines("`", width, "any*", indented=False),
            ]
        )
        + "\n"
    )
