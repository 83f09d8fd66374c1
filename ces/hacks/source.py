"""One file's text as the detectors read it: code, comments and strings apart, all at the same offsets.

Text is decoded as latin-1, so that an offset is a byte's; every name looked for is ASCII. A file that doesn't parse is
read as far as the grammar recovers, which is enough for comments and strings.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import cache, cached_property, lru_cache
from importlib import import_module
from typing import Any

import msgspec
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A language. `grammar` is "module:function", None: read by `comment` and `string` alone, which are patterns.

    `comments` and `strings` name the grammar's nodes; `name` is what detectors ask for.
    """

    name: str
    suffixes: tuple[str, ...]
    grammar: str | None = None
    comments: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    comment: str = r"(?!)"
    string: str = r'"(?:[^"\\]|\\.)*"'


_OCAML = ("string_content", "quoted_string_content", "character")
_SCRIPT = ("string_fragment", "regex_pattern")
LANGUAGES = (
    Spoken(
        name="ocaml",
        suffixes=(".ml", ".mlt", ".eliom"),
        grammar="tree_sitter_ocaml:language_ocaml",
        comments=("comment",),
        strings=_OCAML,
    ),
    Spoken(
        name="ocaml",
        suffixes=(".mli",),
        grammar="tree_sitter_ocaml:language_ocaml_interface",
        comments=("comment",),
        strings=_OCAML,
    ),
    Spoken(name="ocaml", suffixes=(".mll", ".mly", ".mlp", ".mlg"), comment=r"\(\*(?!\)).*?\*\)"),
    Spoken(
        name="python",
        suffixes=(".py", ".pyi"),
        grammar="tree_sitter_python:language",
        comments=("comment",),
        strings=("string_content",),
    ),
    Spoken(
        name="rust",
        suffixes=(".rs",),
        grammar="tree_sitter_rust:language",
        comments=("line_comment", "block_comment"),
        strings=("string_content", "char_literal"),
    ),
    Spoken(
        name="typescript",
        suffixes=(".ts", ".mts", ".cts"),
        grammar="tree_sitter_typescript:language_typescript",
        comments=("comment",),
        strings=_SCRIPT,
    ),
    Spoken(
        name="typescript",
        suffixes=(".tsx",),
        grammar="tree_sitter_typescript:language_tsx",
        comments=("comment",),
        strings=(*_SCRIPT, "jsx_text"),
    ),
    Spoken(
        name="typescript",
        suffixes=(".js", ".mjs", ".cjs", ".jsx"),
        grammar="tree_sitter_javascript:language",
        comments=("comment",),
        strings=(*_SCRIPT, "jsx_text"),
    ),
    Spoken(name="dune", suffixes=("dune", "dune-project", "dune-workspace", "dune.inc", "jbuild"), comment=r";[^\n]*"),
    Spoken(
        name="config",
        suffixes=(".toml", ".ini", ".cfg", ".yaml", ".yml", ".opam", "Makefile", "makefile", ".mk", ".sh"),
        comment=r"#[^\n]*",
    ),
    Spoken(name="config", suffixes=(".json", ".jsonc", ".json5"), comment=r"//[^\n]*|/\*.*?\*/"),
)
DOCUMENTS = (".md", ".rst", ".txt", ".adoc", ".tex", ".org", ".mld", "LICENSE", "CHANGES", "AUTHORS", "README", "NEWS")
_SPACE = re.compile(r"\s+")
_LOOSE = re.compile(r" (?=[^\w\s])|(?<=[^\w\s]) ")
Span = tuple[int, int]


class Loaded(msgspec.Struct, frozen=True):
    language: Language
    hidden: Query


class Source(msgspec.Struct, frozen=True, dict=True):
    """A file's text under its name. `before` is what it was made from: most of its syntax tree is that one's."""

    path: str
    raw: bytes
    before: "Source | None" = None

    @cached_property
    def spoken(self) -> Spoken | None:
        name = self.path.rpartition("/")[2]
        return next((one for one in LANGUAGES if any(_ends(name, suffix) for suffix in one.suffixes)), None)

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
        if self.before is None or self.before.tree is None or self.before.spoken is not self.spoken:
            return parser.parse(self.raw)
        old = self.before.tree.copy()
        old.edit(**_edit(self.before.raw, self.raw))
        return parser.parse(self.raw, old)

    @property
    def root(self) -> Node | None:
        return None if self.tree is None else self.tree.root_node

    @cached_property
    def spans(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """Where comments and where strings' contents stand, each in order."""
        if self.spoken is None:
            return (), ()
        if self.root is None:
            return _lexed(self.text, self.spoken)
        captured = QueryCursor(load(self.spoken).hidden).captures(self.root)
        return _sorted(captured.get("comment", [])), _sorted(captured.get("string", []))

    @cached_property
    def code(self) -> str:
        """Comments and strings' contents are blanks."""
        return _without(self.text, sorted((*self.spans[0], *self.spans[1])))

    @cached_property
    def uncommented(self) -> str:
        return _without(self.text, self.spans[0])

    @cached_property
    def comments(self) -> str:
        """Everything but comments is blanks."""
        return _only(self.text, self.spans[0])

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
    strings = source.spans[1]
    for first, last in strings[bisect_left(strings, (start, 0)) :]:
        if first >= end:
            break
        if first < at:
            continue
        parts += [_squeeze(text[at:first]), text[first:last]]
        at = last
    return "".join((*parts, _squeeze(text[at:end]))).strip()


def is_document(path: str) -> bool:
    return path.rpartition("/")[2].endswith(DOCUMENTS)


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


@cache
def load(spoken: Spoken) -> Loaded:
    """The grammar: some milliseconds, once a process."""
    assert spoken.grammar is not None
    module, function = spoken.grammar.split(":")
    language = Language(getattr(import_module(module), function)())
    comments = " ".join(f"({node})" for node in spoken.comments)
    strings = " ".join(f"({node})" for node in spoken.strings)
    return Loaded(language, Query(language, f"[{comments}] @comment [{strings}] @string"))


def _edit(old: bytes, new: bytes) -> dict[str, Any]:
    """What lies between the bytes that both begin and both end with, as tree-sitter wants to be told."""
    head = _common(old, new)
    foot = _common(old[head:][::-1], new[head:][::-1])
    ends = len(old) - foot, len(new) - foot
    return {
        "start_byte": head,
        "old_end_byte": ends[0],
        "new_end_byte": ends[1],
        "start_point": _point(old, head),
        "old_end_point": _point(old, ends[0]),
        "new_end_point": _point(new, ends[1]),
    }


def _common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with; by halving, for comparing slices is far faster than comparing bytes."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(raw: bytes, at: int) -> tuple[int, int]:
    return raw.count(b"\n", 0, at), at - (raw.rfind(b"\n", 0, at) + 1)


def _ends(name: str, suffix: str) -> bool:
    return name.endswith(suffix) if suffix.startswith(".") else name == suffix


def _sorted(nodes: list[Node]) -> tuple[Span, ...]:
    return tuple(sorted((node.start_byte, node.end_byte) for node in nodes))


def _lexed(text: str, spoken: Spoken) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    comments: list[Span] = []
    strings: list[Span] = []
    for found in re.finditer(f"(?P<string>{spoken.string})|(?P<comment>{spoken.comment})", text, re.DOTALL):
        if found["string"] is None:
            comments.append(found.span())
        else:
            strings.append((found.start() + 1, found.end() - 1))
    return tuple(comments), tuple(strings)


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
    return "\n".join(" " * len(line) for line in text.split("\n"))


def _squeeze(text: str) -> str:
    return _LOOSE.sub("", _SPACE.sub(" ", text))
