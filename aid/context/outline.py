"""A file's outline: what it defines and which names it refers to, by tree-sitter.

Text in, values out; reads no file. Text that doesn't parse gives what the grammar could recover.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec
from tree_sitter import Node, Parser, QueryCursor

from aid.context.languages import Loaded, Spoken, language_of, load, word

SIGNATURE_CHARACTERS = 240
VALUE_CHARACTERS = 80  # of a value without parameters
_OPAQUE = frozenset({"function", "method", "value", "macro"})  # what these define inside is their own business
_LEAD = re.compile(r"[\w\s@%()]*")
_FOLDER_FILES = frozenset({"__init__", "index", "mod"})


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One definition. Lines are zero-based, `last` is the one after its end. `signature` is one line.

    `name` is what it is referred to by; `depth` counts the definitions around it.
    """

    name: str
    kind: str
    first: int
    last: int
    signature: str
    depth: int = 0


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """`references` maps a name to how often the file uses it, comments and strings not counted."""

    definitions: tuple[Definition, ...] = ()
    references: dict[str, int] = {}


class _Found(msgspec.Struct, frozen=True):
    """A definition's node, before nesting is known. Byte offsets."""

    start: int
    end: int
    kind: str
    name: str
    first: int
    last: int
    body: int


def outline(path: str, text: bytes) -> Outline | None:
    """The outline of a file's UTF-8 text; None when its language has none."""
    spoken = language_of(path)
    return None if spoken is None else parse(spoken, text)


def parse(spoken: Spoken, text: bytes) -> Outline:
    loaded = load(spoken)
    root = Parser(loaded.language).parse(text).root_node
    return Outline(
        definitions=tuple(_definitions(loaded, root, text)), references=_references(spoken, loaded, root, text)
    )


def module_name(path: str) -> str | None:
    """What other files call this file: its stem, its folder's name for index files; None without a language."""
    spoken = language_of(path)
    if spoken is None:
        return None
    file = PurePosixPath(path)
    stem = file.parent.name if file.stem in _FOLDER_FILES and file.parent.name else file.stem
    return stem[:1].upper() + stem[1:] if spoken.capital else stem


def enclosing(definitions: Sequence[Definition], line: int) -> Definition | None:
    """The innermost definition around a zero-based line."""
    around = [one for one in definitions if one.first <= line < one.last]
    return min(around, key=lambda one: one.last - one.first, default=None)


def _definitions(loaded: Loaded, root: Node, text: bytes) -> list[Definition]:
    lines = text.split(b"\n")
    result: list[Definition] = []
    around: list[tuple[_Found, Definition]] = []
    for found in _found(loaded, root):
        while around and found.start >= around[-1][0].end:
            around.pop()
        if any(outer.kind in _OPAQUE for outer, _ in around) or (around and _same(around[-1][0], found)):
            continue
        if found.kind == "member":
            if around:
                owner = around[-1][1]
                result.append(msgspec.structs.replace(owner, name=found.name, kind="member"))
            continue
        definition = Definition(
            name=found.name,
            kind="method" if found.kind == "function" and _inside_class(around) else found.kind,
            first=found.first,
            last=found.last,
            signature=_signature(found, text, lines),
            depth=len(around),
        )
        around.append((found, definition))
        result.append(definition)
    return result


def _found(loaded: Loaded, root: Node) -> list[_Found]:
    """Every match once, outer before inner; of several on one node one with a body, else the pattern listed first."""
    seen: dict[tuple[int, str], tuple[tuple[bool, int], _Found]] = {}
    for pattern, captures in QueryCursor(loaded.definitions).matches(root):
        name = _text(captures["name"][0])
        body = captures.get("body")
        kind = next(capture for capture in captures if capture not in {"name", "body"})
        node = captures[kind][0]
        last = node.end_point.row + (1 if node.end_point.column or node.end_point.row == node.start_point.row else 0)
        one = _Found(
            node.start_byte, node.end_byte, kind, name, node.start_point.row, last, body[0].start_byte if body else -1
        )
        key = (node.start_byte, name)
        rank = (body is None, pattern)
        if key not in seen or rank < seen[key][0]:
            seen[key] = (rank, one)
    return sorted((one for _, one in seen.values()), key=lambda one: (one.start, -one.end))


def _same(outer: _Found, inner: _Found) -> bool:
    """Whether `inner` is `outer` without its decorators."""
    return (outer.name, outer.kind, outer.end) == (inner.name, inner.kind, inner.end)


def _inside_class(around: list[tuple[_Found, Definition]]) -> bool:
    return bool(around) and around[-1][0].kind in {"class", "impl", "interface"}


def _signature(found: _Found, text: bytes, lines: list[bytes]) -> str:
    """From the line's start, where only keywords stand before it, to the body, on one line."""
    line_start = text.rfind(b"\n", 0, found.start) + 1
    lead = text[line_start : found.start].decode("utf-8", "replace")
    start = line_start if _LEAD.fullmatch(lead) and len(lead) < 40 else found.start
    end = found.body if found.body >= 0 else found.end
    whole = " ".join(text[start : min(end, start + 4 * SIGNATURE_CHARACTERS)].decode("utf-8", "replace").split())
    whole = whole.removesuffix("=").removesuffix("=>").rstrip(" {:")
    most = VALUE_CHARACTERS if found.kind == "value" else SIGNATURE_CHARACTERS
    if len(whole) > most:
        whole = whole[: most - 1] + "…"
    return whole or lines[found.first].decode("utf-8", "replace").strip()


def _references(spoken: Spoken, loaded: Loaded, root: Node, text: bytes) -> dict[str, int]:
    """Words outside comments and strings, in order of first use, keywords left out."""
    parts: list[bytes] = []
    at = 0
    skipped = QueryCursor(loaded.skip).captures(root).get("skip", [])
    for start, end in sorted(node.byte_range for node in skipped):
        if start >= at:
            parts.append(text[at:start])
            at = end
    parts.append(text[at:])
    counts: dict[str, int] = {}
    for name in word(spoken).findall(b" ".join(parts).decode("utf-8", "replace")):
        counts[name] = counts.get(name, 0) + 1
    for keyword in loaded.keywords & counts.keys():
        del counts[keyword]
    return counts


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace").strip("() ")
