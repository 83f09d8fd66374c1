"""Code that gives up where it should work: `assert false`, `failwith`, `raise`, `todo!()`, `throw`."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from ces.hacks.case import Family, Trick
from ces.hacks.dead_ends import gives_up
from ces.hacks.definitions import Definition, size
from ces.hacks.deletion import is_empty
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.patterns import Pattern, added
from ces.verdict import Flag

_AGAIN = re.compile(r"\b(?:raise(?:_notrace)?|Lwt\.fail|Printexc\.raise_with_backtrace)\s+(\w+)\b")
SHRUNK = 0.75
_IFS = {
    "ocaml": ("if_expression",),
    "python": ("if_statement",),
    "rust": ("if_expression",),
    "typescript": ("if_statement",),
}
_WORDS = {
    "ocaml": r"\bassert\s*\(?\s*(?:false\b|not\s+true\b|(\d+)\s*=\s*(?!\1)\d+)"
    r"|\b(?:failwithf?|invalid_argf?)\b|\braise(?:_notrace|_s)?\b(?!\s*:)"
    r"|\bLwt\.fail\w*\b|\bError\.raise\b",
    "python": r"^[ \t]*raise\b(?=\s+\w)|\bassert\s*\(?\s*(?:False|0)\b|:[ \t]*raise\b(?=\s+\w)",
    "rust": r"\b(?:unimplemented|todo|panic|unreachable)!",
    "typescript": r"\bthrow\b|\bPromise\.reject\b",
}
PATTERNS = tuple(Pattern(trick="abort", language=language, words=words) for language, words in _WORDS.items())


def find(change: Edited) -> Iterator[Flag]:
    """A definition that shrinks to an abort, with little else new in it, is the trick itself; others may be honest."""
    files = {file.path: file for file in change.code}
    for flag in added(change.code, PATTERNS):
        file = files[flag.path or ""]
        if _guards(file, flag.line or 0) or _raises_again(file, flag.line or 0):
            continue
        yield Flag(
            name=flag.name if not _instead(file, flag.line or 0) else "abort-for-code",
            path=flag.path,
            line=flag.line,
            message=flag.message,
        )


def _instead(file: EditedFile, line: int) -> bool:
    around = [pair for pair in file.both if pair[1].first <= line <= pair[1].last]
    if not around:
        return False
    old, new = min(around, key=lambda pair: pair[1].last - pair[1].first)
    if gives_up(new) and not gives_up(old) and not is_empty(old):
        return True
    come = [at for at in file.added_code if new.first <= at <= new.last]
    gone = [at for at in file.removed_code if old.first <= at <= old.last]
    words = next(one.compiled for one in PATTERNS if one.language == file.language)
    more = len(words.findall(_code(new))) > len(words.findall(_code(old)))
    aborts = sum(1 for at in come if words.search(file.after.lines[at]))
    return more and bool(gone) and 2 * aborts >= len(come) and new.size <= SHRUNK * old.size


def _raises_again(file: EditedFile, line: int) -> bool:
    """Whether an OCaml handler only hands on what it caught."""
    again = _AGAIN.search(file.after.code_lines[line]) if file.language == "ocaml" else None
    return again is not None and re.search(rf"(?:\bwith|\||\bexception)\s+{again[1]}\s*->", file.after.code) is not None


def _guards(file: EditedFile, line: int) -> bool:
    """Whether the abort only refuses some inputs, `if ...: raise` and nothing else, before a body that is all there."""
    around = [one for one in file.defined.values() if not one.holds and one.first <= line <= one.last]
    if not around:
        return False
    new = min(around, key=lambda one: one.last - one.first)
    old = file.defined_before.get(new.name)
    if old is not None and new.size < old.size:
        return False
    if old is not None and _is_one_of_many(file, line):
        return True
    ifs = (node for node in file.after.nodes(*_IFS[file.language or ""]) if node.start_byte >= new.node.start_byte)
    return any(
        node.start_point.row <= line <= node.end_point.row
        and _refuses(node, line)
        and (old is None or new.size > 2 * size(node))
        for node in ifs
    )


def _is_one_of_many(file: EditedFile, line: int) -> bool:
    """Whether it is an OCaml case for one literal, where another case takes all that are left: none was missing."""
    if file.language != "ocaml":
        return False
    for case in file.after.nodes("match_case"):
        pattern, body = case.child_by_field_name("pattern"), case.child_by_field_name("body")
        if pattern is None or body is None or not body.start_point.row <= line <= body.end_point.row:
            continue
        others = [one.child_by_field_name("pattern") for one in case.parent.named_children] if case.parent else []
        rest = any(one is not None and one.type in ("any_pattern", "value_pattern", "value_name") for one in others)
        if rest and pattern.type in ("number", "string", "character", "signed_number"):
            return True
    return False


def _refuses(node: Node, line: int) -> bool:
    """Whether an `if` has no other way on, and its own is a few lines about that one."""
    last = node.named_children[-1]
    own = node.child_by_field_name("consequence") or last
    return "else" not in last.type and "elif" not in last.type and own.start_point.row <= line <= own.end_point.row


def _code(one: Definition) -> str:
    return one.source.code[one.node.start_byte : one.node.end_byte]


FAMILY = Family(
    name="aborts",
    tricks=(
        Trick("abort", "An `assert false`, `failwith`, `raise`, `todo!` or `throw` more.", "part"),
        Trick("abort-for-code", "A definition's code gives way to an abort.", "close"),
    ),
    find=find,
)
