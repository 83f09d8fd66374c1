"""A grammar under which a model's reply can only be an edit that fits the files it was shown.

Files in, GBNF out (llama.cpp, grammars/README.md). The reply names one of the files, and what it quotes are lines of
that file that follow each other, as many from the first as it takes to stand there only once: so the edit finds its
place by construction. Only the new lines are free, save that none can be one of the format's markers. Whole files have
nothing to quote, so only their names are held. That an edit changes something can't be said in a grammar.

The grammar grows with the number of lines: one rule for a line's text, one for "this line and what may follow", and one
alternative for each line to begin at.
"""

from collections.abc import Iterator, Sequence
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


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a reply may hold: `edits` (or files, or hunks of one) and `new_lines` a piece (None: any number).

    A small model goes on and on; a reply that its token limit cuts off is no edit at all.
    """

    edits: int = 8
    new_lines: int | None = None

    @property
    def times(self) -> str:
        """How often a new line may come, as GBNF writes it."""
        return "*" if self.new_lines is None else f"{{0,{self.new_lines}}}"


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
        file = _File(len(files), source, left)
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
    with the number of lines it takes to be the only place. A blank line begins nothing: it says too little."""

    def __init__(self, number: int, source: Source, left: int) -> None:
        self.name = f"f{number}"
        self.path = source.path
        self.text = Text(source.text)
        size = len(self.text.bare)
        spans = sorted((max(0, first), min(size, last)) for first, last in source.shown or ((0, size),))
        self.lines = sorted({line for first, last in spans for line in range(first, last)})[: max(0, left)]
        quotable = set(self.lines)
        self.starts = {
            line: length
            for line, length in unique_lengths(self.text.bare, MAX_UNIQUE_LINES).items()
            if self.text.stripped[line] and all(step in quotable for step in range(line, line + length))
        }

    def rules(self, texts: dict[int, str], lead: str = "") -> Iterator[str]:
        """The rules that quote this file; `texts` gives a line's own expression. Their root is `self.name`."""
        quotable = set(self.lines)
        for line in self.lines:
            yield f"{self.name}-l{line} ::= {texts[line]}"
            after = f" {self.name}-n{line + 1}?" if line + 1 in quotable else ""
            yield f"{self.name}-n{line} ::= {self.name}-l{line}{after}"
        begins = []
        for line, length in self.starts.items():
            forced = " ".join(f"{self.name}-l{step}" for step in range(line, line + length))
            after = f" {self.name}-n{line + length}?" if line + length in quotable else ""
            begins.append(forced + after)
        yield f"{self.name} ::= {lead}({' | '.join(begins)})"


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


def _free_lines(chars: str, width: int, times: str, indented: bool = True) -> list[str]:
    """Rules for `free`: lines that don't begin with `width` times one of `chars`."""
    runs = [f'"{char * count}" ([^{char}\\x00\\r\\n] any*)?' for char in chars for count in range(1, width)]
    blanks, not_blank = ("[ \\t]* ", " \\t") if indented else ("", "")
    first = f"[^{not_blank}{chars}\\x00\\r\\n]"
    return [
        f"any ::= {_ANY}",
        f'free ::= ({blanks}({first} any* | {" | ".join(runs)})? "\\n"){times}',
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
        rules.append(f"{file.name}-edit ::= {opening} {file.name} {divider} free {closing}")
        texts = {line: f"{line + 1}| " * numbered + file.text.bare[line] for line in file.lines}
        rules += file.rules({line: literal(text + "\n") for line, text in texts.items()})
    return rules + _free_lines("<=>", width, limits.times)


def _udiff(files: Sequence[_File], width: int, limits: Limits) -> list[str]:
    edits = " | ".join(f"{file.name}-edit" for file in files)
    rules = [f"root ::= edit{{1,{limits.edits}}}\nedit ::= {edits}"]
    for file in files:
        header = f"--- {quoted_name('a/', file.path)}\n+++ {quoted_name('b/', file.path)}\n"
        rules.append(f'{file.name}-edit ::= {literal(header)} ("@@ @@\\n" {file.name}){{1,{limits.edits}}}')
        rules += file.rules(_signed(file, limits), lead=f"new{limits.times} ")
    return [*rules, f'any ::= {_ANY}\nnew ::= "+" any* "\\n"']


def _signed(file: _File, limits: Limits) -> dict[int, str]:
    """Each line as context or gone, and new ones below. Context that reads like a marker can only go."""
    texts = {}
    for line in file.lines:
        bare = file.text.bare[line]
        sign = literal("-") if marked(bare) else "[ -]"
        texts[line] = f"{sign} {literal(bare + chr(10))} new{limits.times}"
    return texts


def _apply_patch(files: Sequence[_File], width: int, limits: Limits) -> list[str]:
    edits = " | ".join(f"{file.name}-edit" for file in files)
    begin, end = literal("*** Begin Patch\n"), literal("*** End Patch\n")
    rules = [f"root ::= {begin} edit{{1,{limits.edits}}} {end}\nedit ::= {edits}"]
    for file in files:
        header = literal(f"*** Update File: {order_path(file.path)}\n")
        rules.append(f'{file.name}-edit ::= {header} ("@@\\n" {file.name}){{1,{limits.edits}}}')
        rules += file.rules(_signed(file, limits), lead=f"new{limits.times} ")
    return [*rules, f'any ::= {_ANY}\nnew ::= "+" any* "\\n"']


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
                f'file ::= name "\\n" {marks} free {marks}',
                *_free_lines("`", width, "*", indented=False),
            ]
        )
        + "\n"
    )
