"""Mercurial's ignore file, as regular expressions. Follows `hg help hgignore` and `hg help patterns`.

Patterns see paths relative to the file's folder, without a leading or trailing slash; one that matches a folder
ignores what is in it. Mercurial has no negation. Unknown kinds and broken expressions are left out.
"""

import re
from pathlib import Path

_SYNTAXES = {
    "re": "regexp",
    "regexp": "regexp",
    "relre": "regexp",
    "glob": "glob",
    "relglob": "glob",
    "rootglob": "rootglob",
    "rootfilesin": "path",
    "path": "path",
    "relpath": "path",
}
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)#.*")
_INCLUDE_DEPTH = 8


class HgIgnore:
    """The patterns of one .hgignore and of what it includes."""

    def __init__(self, root: Path, file: Path, depth: int = 0) -> None:
        self._patterns: list[re.Pattern[str]] = []
        self._subfolders: list[tuple[str, HgIgnore]] = []
        self._root = root
        self._read(file, depth)

    def ignores(self, path: str) -> bool:
        """Whether `path`, relative to this file's folder, is itself ignored; its parents are asked about before."""
        if any(pattern.match(path) for pattern in self._patterns):
            return True
        return any(
            path.startswith(folder + "/") and inner.ignores(path[len(folder) + 1 :])
            for folder, inner in self._subfolders
        )

    def _read(self, file: Path, depth: int) -> None:
        try:
            content = file.read_text("utf-8", "replace")
        except OSError:
            return
        default = "regexp"
        for raw in content.split("\n"):
            line = _COMMENT.sub(r"\1", raw).replace("\\#", "#").rstrip()
            if not line:
                continue
            if line.startswith("syntax:"):
                default = _SYNTAXES.get(line[len("syntax:") :].strip(), default)
                continue
            self._add(line, default, file, depth)

    def _add(self, line: str, default: str, file: Path, depth: int) -> None:
        prefix, colon, rest = line.partition(":")
        if colon and prefix in {"include", "subinclude"} and depth < _INCLUDE_DEPTH:
            other = file.parent / rest
            if prefix == "include":
                self._read(other, depth + 1)
            else:
                folder = other.parent.relative_to(self._root).as_posix() if _below(other, self._root) else ""
                if folder not in {"", "."}:
                    self._subfolders.append((folder, HgIgnore(other.parent, other, depth + 1)))
            return
        syntax, pattern = (_SYNTAXES[prefix], rest) if colon and prefix in _SYNTAXES else (default, line)
        try:
            self._patterns.append(re.compile(_translate(pattern, syntax)))
        except re.error:
            return


def _below(path: Path, root: Path) -> bool:
    return path.is_relative_to(root)


def _translate(pattern: str, syntax: str) -> str:
    """A regular expression to be matched from the path's start."""
    if syntax == "regexp":
        return pattern if pattern.startswith("^") else f".*(?:{pattern})"
    if syntax == "path":
        return rf"{re.escape(pattern.rstrip('/'))}(?:/|$)"
    body = _glob(pattern)
    return rf"{body}(?:/|$)" if syntax == "rootglob" else rf"(?:|.*/){body}(?:/|$)"


def _glob(pattern: str) -> str:
    """Mercurial's globs: `*` within a folder, `**` across folders, `?`, `[…]`, `{a,b}`."""
    out: list[str] = []
    at = braces = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            if pattern.startswith("*/", at):
                at += 2
                out.append("(?:.*/)?")
            elif pattern.startswith("*", at):
                at += 1
                out.append(".*")
            else:
                out.append("[^/]*")
        elif character == "[":
            close = pattern.find("]", at + 1 + pattern.startswith("!", at))
            if close < 0:
                out.append(r"\[")
                continue
            inside = pattern[at:close].replace("\\", "\\\\")
            out.append(f"[{'^' + inside[1:] if inside.startswith('!') else inside}]")
            at = close + 1
        elif character == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            braces += (character == "{") - (character == "}" and braces > 0)
            out.append(_plain(character, braces))
    return "".join(out)


def _plain(character: str, braces: int) -> str:
    """A character of a glob outside sets. `braces` counts the groups open after it."""
    if character == "?":
        return "."
    if character == "{":
        return "(?:"
    if character == "," and braces:
        return "|"
    if character == "}":
        return ")"
    return re.escape(character)
