"""What of a workspace is nobody's source: ignore files, VCS folders, build folders.

`.gitignore` (git's gitignore(5), nested, with `.git/info/exclude` and the user's own file), `.hgignore` (globs,
regular expressions, subincludes) and `.aidignore` (gitignore's syntax, read after `.gitignore` in each folder, so that
it may ignore more or take back). A file git tracks although a rule ignores it counts as ignored.
Asked from the root downwards: of an ignored folder nothing is asked.
"""

import os
import re
import subprocess
from functools import cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from aid.context.hgignore import HgIgnore

VCS_FOLDERS = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "CVS", "_darcs"})
BUILD_FOLDERS = frozenset(
    {"_build", "_opam", "node_modules", "__pycache__", ".venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache"}
    | {".pytest_cache", ".hypothesis", ".gradle", ".direnv", ".eggs"}
)
IGNORE_FILES = (".gitignore", ".aidignore")
_JUNK = re.compile(r"\.#.*|.*~|#.*#|\..*\.sw[a-z]|4913|\.hg-.*")  # what editors and hg leave for a moment
CACHE_TAG = "CACHEDIR.TAG"  # bford.info/cachedir: cargo's target/, many tools' caches
_ANY_FOLDER = "(?P<ps_d>/)"  # what pathspec makes of "*/" and "**/"


class _Line:
    """One pattern of gitignore's syntax: pathspec's expression, asked about one entry and not what is below it."""

    __slots__ = ("_folders", "_regex", "include")

    def __init__(self, regex: re.Pattern[str], include: bool, folders: bool) -> None:
        self._regex = regex
        self._folders = folders
        self.include = include

    def matches(self, path: str, folder: bool) -> bool:
        """`path` without a trailing slash, relative to the pattern's folder."""
        if self._folders and not folder:
            return False
        if self._regex.pattern == _ANY_FOLDER:
            return folder
        found = self._regex.search(path)
        if found and not found.groupdict().get("ps_d"):
            return True
        if not folder:
            return False
        found = self._regex.search(path + "/")
        return bool(found and found.groupdict().get("ps_d") and found.end() == len(path) + 1)


class Rules:
    """The rules of one workspace, read from disk once per folder; make a new one to see changed ignore files."""

    def __init__(self, root: Path) -> None:
        self._top = _repository_top(root)
        self._prefix = "" if self._top == root else root.relative_to(self._top).as_posix() + "/"
        self._folders: dict[str, list[_Line]] = {}
        self._general = [line for file in _general_files(self._top) for line in _lines(file)]
        hg_file = self._top / ".hgignore"
        self._hg = HgIgnore(self._top, hg_file) if hg_file.is_file() else None

    def ignores(self, path: str, *, folder: bool) -> bool:
        """Whether the entry at `path` (relative to the workspace) is ignored, its folder being known not to be."""
        name = path.rpartition("/")[2]
        if folder and (name in VCS_FOLDERS or name in BUILD_FOLDERS):
            return True
        if not folder and _JUNK.fullmatch(name):
            return True
        full = self._prefix + path
        if self._hg is not None and self._hg.ignores(full):
            return True
        parents = full.split("/")[:-1]
        for depth in range(len(parents), -1, -1):
            below = "/".join(parents[:depth])
            verdict = _verdict(self._of(below), full[len(below) + 1 :] if below else full, folder)
            if verdict is not None:
                return verdict
        return bool(_verdict(self._general, full, folder))

    def ignores_folder(self, path: str) -> bool:
        """Whether the folder at `path` or one on the way to it is ignored."""
        parts = path.split("/")
        return any(self.ignores("/".join(parts[:depth]), folder=True) for depth in range(1, len(parts) + 1))

    def ignores_any(self, path: str) -> bool:
        """Whether the file at `path` or a folder on the way to it is ignored."""
        folder = path.rpartition("/")[0]
        return bool(folder and self.ignores_folder(folder)) or self.ignores(path, folder=False)

    def _of(self, folder: str) -> list[_Line]:
        lines = self._folders.get(folder)
        if lines is None:
            base = self._top / folder
            lines = [line for name in IGNORE_FILES for line in _lines(base / name)]
            self._folders[folder] = lines
        return lines


def _verdict(lines: list[_Line], path: str, folder: bool) -> bool | None:
    for line in reversed(lines):
        if line.matches(path, folder):
            return line.include
    return None


def _lines(file: Path) -> list[_Line]:
    try:
        text = file.read_text("utf-8", "surrogateescape").removeprefix("\ufeff")
    except OSError:
        return []
    lines: list[_Line] = []
    for raw in text.split("\n"):
        line = raw.removesuffix("\r").rstrip(" ")
        folders = line.endswith("/**/")  # any folder inside; pathspec takes it for the outer folder itself
        try:
            patterns = GitIgnoreSpec.from_lines([line[:-1] if folders else raw.removesuffix("\r")]).patterns
        except ValueError:  # pathspec refuses what git reads over
            continue
        lines += [
            _Line(one.regex, one.include, folders)
            for one in patterns
            if one.regex is not None and one.include is not None
        ]
    return lines


def _repository_top(root: Path) -> Path:
    """The folder whose repository `root` is in; `root` itself when there is none."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists() or (folder / ".hg").is_dir():
            return folder
    return root


def _general_files(top: Path) -> list[Path]:
    if not (top / ".git").exists():
        return []
    own = _users_file()
    return [*([own] if own else []), top / ".git" / "info" / "exclude"]


@cache
def _users_file() -> Path | None:
    """git's core.excludesFile, by default $XDG_CONFIG_HOME/git/ignore. Asked of git once a process."""
    try:
        asked = subprocess.run(
            ["git", "config", "--get", "--path", "core.excludesFile"], capture_output=True, timeout=5, check=False
        )
        named = os.fsdecode(asked.stdout.strip())
    except (OSError, subprocess.TimeoutExpired):
        return None
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "git" / "ignore"
