"""The names of Python sources: what a file defines at its top, what it uses, what its classes hold. Pure.

A source that doesn't parse has no definitions, only the words in it.
"""

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from aid.models.backend import SourceText
from aid.models.hints.span import line_bounds, line_start, span
from ces.verdict import Diagnostic

BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache(maxsize=32)
def parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def bound(text: str) -> set[str]:
    """Every name the source binds anywhere: variables, parameters, functions, classes, imports."""
    tree = parsed(text)
    if tree is None:
        return set(_WORD.findall(text))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, Function | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found


def top_level(text: str) -> set[str]:
    """The names another module may import."""
    tree = parsed(text)
    found: set[str] = set()
    for node in tree.body if tree else ():
        if isinstance(node, Function | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def functions(sources: Sequence[SourceText], name: str) -> Iterator[tuple[SourceText, Function]]:
    """The definitions called `name`; `Class.method` is found by its last part, `Class` by its `__init__`."""
    wanted = name.rpartition(".")[2]
    for source in sources:
        tree = parsed(source.text) if source.path.endswith(".py") else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, Function) and node.name == wanted:
                yield source, node
            elif isinstance(node, ast.ClassDef) and node.name == wanted:
                yield from (
                    (source, each) for each in node.body if isinstance(each, Function) and each.name == "__init__"
                )


def attributes(sources: Sequence[SourceText], name: str) -> set[str]:
    """What a class called `name` holds: methods, class variables, `self.x = …`; and its bases' the same way."""
    found: set[str] = set()
    kind = getattr(builtins, name, None)
    if isinstance(kind, type):
        found |= {each for each in dir(kind) if not each.startswith("__")}
    for source in sources:
        tree = parsed(source.text) if source.path.endswith(".py") else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ClassDef) and node.name == name:
                found |= _members(node)
                for base in node.bases:
                    if isinstance(base, ast.Name) and base.id != name:
                        found |= attributes(sources, base.id)
    return found


def module_of(path: str) -> str:
    """`src/pkg/mod.py` is imported as `pkg.mod`."""
    parts = PurePosixPath(path).with_suffix("").parts
    parts = parts[1:] if parts[:1] == ("src",) and len(parts) > 1 else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def words(text: str, name: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Where `name` stands as a whole word in `text[start:end]`."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return [found.span() for found in word.finditer(text, start, len(text) if end is None else end)]


def uses(text: str, name: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Where `name` is used as a variable: no attribute, no keyword of a call, nothing that is set."""
    return [
        place
        for place in words(text, name, start, end)
        if text[place[0] - 1 : place[0]] != "." and not re.compile(r"\s*=(?!=)").match(text, place[1])
    ]


def said_lines(diagnostic: Diagnostic, text: str) -> tuple[int, int]:
    """The offsets of the whole lines a diagnostic is about."""
    start, end = span(text, diagnostic.range)
    first = line_start(text, diagnostic.range.start_line) if diagnostic.range else start
    return first, line_bounds(text, max(start, end - 1))[1]


def _members(node: ast.ClassDef) -> set[str]:
    found = {each.name for each in node.body if isinstance(each, Function | ast.ClassDef)}
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            if isinstance(each.value, ast.Name) and each.value.id == "self":
                found.add(each.attr)
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            found.add(each.target.id)
    found |= {
        t.id for each in node.body if isinstance(each, ast.Assign) for t in each.targets if isinstance(t, ast.Name)
    }
    return found
