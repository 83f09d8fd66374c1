"""From which directories the dune files of a tree copy sources by pattern, whether or not a file matches it now.

dune's rules tell of a `copy_files` only what it copies: one whose pattern matches nothing leaves no trace there, until
a change adds a file that does. Reads dune files; runs nothing.
"""

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from ces.builds import dune_rules
from ces.builds.dune_rules import Sexp
from ces.fingerprint import CACHE_DIRS, INSTALLED_DIRS, VCS_DIRS

_TELLING = re.compile(r"copy_files|dynamic_include|\binclude\b|^\(\*")
_NOT_READ = VCS_DIRS | CACHE_DIRS | INSTALLED_DIRS
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|;[^\n]*|#\|.*?\|#', re.DOTALL)
_DEEPEST = 8  # of files that include each other


def directories(tree: Path, outputs: str) -> frozenset[str] | None:
    """Relative to `tree`; None where the dune files don't say: written in OCaml, generated, or with a variable.

    `outputs` is the build directory's name at the root.
    """
    found: set[str] = set()
    for inside, below, names in os.walk(tree):
        at = Path(inside)
        below[:] = [name for name in below if name not in _NOT_READ and (at != tree or name != outputs)]
        if "dune" in names:
            directory = at.relative_to(tree).as_posix()
            copied = _copied(at / "dune", "" if directory == "." else directory)
            if copied is None:
                return None
            found |= copied
    return frozenset(found)


def _copied(file: Path, directory: str, depth: int = 0) -> set[str] | None:
    if depth > _DEEPEST:
        return None
    try:
        text = file.read_text("utf-8", "replace")
        if not _TELLING.search(text):
            return set()
        stanzas = dune_rules.read(_COMMENT.sub(lambda match: match[1] or " ", text))
    except (OSError, ValueError):
        return None
    if text.startswith("(*"):
        return None
    found: set[str] = set()
    for where, stanza in _stanzas(directory, stanzas):
        match stanza:
            case ["copy_files" | "copy_files#", *words]:
                pattern = _pattern(words)
                if pattern is None or "%{" in pattern:
                    return None
                source = posixpath.normpath(posixpath.join(where, posixpath.dirname(pattern)))
                found.add("" if source == "." else source)
            case ["include", str(name)]:
                more = _copied(file.parent / name, where, depth + 1)
                if more is None:
                    return None
                found |= more
            case ["dynamic_include", *_]:
                return None
    return found


def _stanzas(directory: str, stanzas: list[Sexp]) -> Iterator[tuple[str, Sexp]]:
    """With the directory that each is for."""
    for stanza in stanzas:
        match stanza:
            case ["subdir", str(below), *inner]:
                yield from _stanzas(posixpath.join(directory, below), inner)
            case _:
                yield directory, stanza


def _pattern(words: list[Sexp]) -> str | None:
    for word in words:
        match word:
            case str(pattern) | ["files", str(pattern)]:
                return pattern
    return None
