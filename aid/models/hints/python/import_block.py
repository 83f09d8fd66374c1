"""Where an import goes in a Python file: among those of its kind, in order where they are. Pure.

The standard library's come first, then other people's packages, then the workspace's own; `__future__`, the docstring
and a leading comment stay above them all. Groups parted by a blank line stay parted (PEP 8, "Imports").
"""

import ast
import sys
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from aid.models.hints.name_list import added, by_kind, by_letter
from aid.models.hints.nesting import Token
from aid.models.hints.python.names import parsed
from aid.models.hints.span import line_start

STANDARD, OTHER, OWN = range(3)
Import = ast.Import | ast.ImportFrom


class Wanted(msgspec.Struct, frozen=True):
    """`import module`, or with a `name` `from module import name`."""

    module: str
    name: str | None = None

    @property
    def statement(self) -> str:
        return f"import {self.module}" if self.name is None else f"from {self.module} import {self.name}"


def insertion(text: str, wanted: Wanted, own: frozenset[str]) -> tuple[int, str]:
    """The offset for `wanted` and the text to write there. `own` are the workspace's top-level modules.

    A name whose module is imported from already joins that statement.
    """
    tree = parsed(text)
    body = list(tree.body) if tree else []
    above = 1 if body and _is_docstring(body[0]) else 0
    imports: list[Import] = []
    for each in body[above:]:
        if not isinstance(each, Import):
            break
        imports.append(each)
    others = [each for each in imports if not _is_future(each)]
    if not others:
        return _alone(text, [*body[:above], *imports], wanted)
    joined = next((each for each in others if _joins(each, wanted)), None)
    if joined is not None and wanted.name:
        names = [_token(text, alias) for alias in joined.names]
        return added(text, names, wanted.name, (by_kind, by_letter))
    return _among(text, others, wanted, own)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_future(node: Import) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _joins(node: Import, wanted: Wanted) -> bool:
    same = isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == wanted.module
    return same and all(alias.name != "*" for alias in node.names)


def _token(text: str, alias: ast.alias) -> Token:
    start = line_start(text, alias.lineno - 1)
    end = line_start(text, (alias.end_lineno or alias.lineno) - 1)
    first = start + _characters(text, start, alias.col_offset)
    return Token(alias.name, first, end + _characters(text, end, alias.end_col_offset or alias.col_offset))


def _characters(text: str, start: int, size_bytes: int) -> int:
    """How many characters the first `size_bytes` bytes of the line at `start` are: `ast` counts columns in UTF-8."""
    end = text.find("\n", start)
    return len(text[start : len(text) if end < 0 else end].encode()[:size_bytes].decode())


def _alone(text: str, above: Sequence[ast.stmt], wanted: Wanted) -> tuple[int, str]:
    """The file's first import, under what stays above it, with blank lines around."""
    at = line_start(text, above[-1].end_lineno or above[-1].lineno) if above else _below_comments(text)
    if above:
        return _as_last_group(text, at, wanted)
    rest = text[at:]
    blanks = "" if not rest.strip() or rest.startswith("\n") else "\n"
    if blanks and rest.startswith(("def ", "class ", "async ", "@")):
        blanks = "\n\n"
    return at, f"{wanted.statement}\n{blanks}"


def _as_last_group(text: str, at: int, wanted: Wanted) -> tuple[int, str]:
    """A blank line above it; one of the three or more that stand there, or else a new one."""
    if text.startswith("\n\n\n", at):
        return at + 1, f"{wanted.statement}\n"
    below = "" if not text[at:].strip() or text.startswith("\n", at) else "\n"
    return at, f"\n{_on_a_line(text, at, wanted)}{below}"


def _below_comments(text: str) -> int:
    at = 0
    while text.startswith("#", at):
        at = line_start(text, text.count("\n", 0, at) + 1)
    return at + 1 if at and text.startswith("\n", at) else at


def _among(text: str, imports: Sequence[Import], wanted: Wanted, own: frozenset[str]) -> tuple[int, str]:
    section = _section(wanted.module, own)
    sections = [_section(_module(each), own) for each in imports]
    like = [each for each, its in zip(imports, sections, strict=True) if its == section]
    if like:
        behind = _behind(like, wanted)
        at = line_start(text, behind.lineno - 1) if behind else _end(text, like[-1])
        return at, _on_a_line(text, at, wanted)
    later = next((n for n, its in enumerate(sections) if its > section), None)
    if later is None:
        return _as_last_group(text, _end(text, imports[-1]), wanted)
    at = _with_comment(text, imports[later]) if later else line_start(text, imports[0].lineno - 1)
    leads_its_group = later == 0 or text[:at].endswith("\n\n")
    return at, f"{wanted.statement}\n" + ("\n" if leads_its_group else "")


def _with_comment(text: str, node: Import) -> int:
    """Where `node` begins, or the comment right above it."""
    line = node.lineno - 1
    while line > 0 and text.startswith("#", line_start(text, line - 1)):
        line -= 1
    return line_start(text, line)


def _on_a_line(text: str, at: int, wanted: Wanted) -> str:
    return f"{wanted.statement}\n" if not text[:at] or text[:at].endswith("\n") else f"\n{wanted.statement}\n"


def _end(text: str, node: Import) -> int:
    return line_start(text, node.end_lineno or node.lineno)


def _behind(like: Sequence[Import], wanted: Wanted) -> Import | None:
    """The first import that sorts after `wanted`; None where it goes last, or where they are in no order.

    `import x` before `from x import y` (isort's default), else by module alone (its `force_sort_within_sections`).
    """
    for straight_first in (True, False):
        keys = [(straight_first and isinstance(each, ast.ImportFrom), _module(each).casefold()) for each in like]
        mine = (straight_first and wanted.name is not None, wanted.module.casefold())
        if all(one <= other for one, other in pairwise(keys)):
            return next((each for each, key in zip(like, keys, strict=True) if key > mine), None)
    return None


def _module(node: Import) -> str:
    if isinstance(node, ast.Import):
        return node.names[0].name
    return "." * node.level + (node.module or "")


def _section(module: str, own: frozenset[str]) -> int:
    top = module.partition(".")[0]
    if not top or top in own:
        return OWN
    return STANDARD if top in sys.stdlib_module_names else OTHER
