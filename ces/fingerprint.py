"""Which state a tree is in, without reading it all: a stat of every file, contents only of what changed.

In: a directory. Out: a digest that differs when a file a build could read differs, and which paths changed since the
last look. Never follows a symlink, never descends into version control or build output.

A file's identity is its size, mtime and inode when first seen and its content's hash once it has changed since. Files
written in the last two seconds are judged by content too: a file system's clock is too coarse to tell two quick writes
apart.

Editors' own files (swap files, locks, backups) are no part of a tree. What the top `.gitignore` names is, but doesn't
count: a log that a running program writes to must not make every state of the tree look new.
"""

import contextlib
import hashlib
import os
import re
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import pathspec

VCS_DIRS = frozenset({".git", ".hg", ".svn", ".jj", ".sl"})
# Installed packages: read by builds, but too large to walk at each look; only their own directory's mtime counts.
INSTALLED_DIRS = frozenset({"node_modules", ".venv", "venv", "_opam", "site-packages"})
CACHE_DIRS = frozenset(
    {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".direnv"}
)
_EDITORS_OWN = re.compile(r"^(?:\.#.*|#.*#|.*~|\..*\.sw[a-p]|4913)$")
RACY_NS = 2_000_000_000
HASHED_BYTES = 16 << 20  # larger files are judged by stat alone

Stat = tuple[int, int, int, int]  # size, mtime_ns, inode, mode


class Entry(msgspec.Struct, frozen=True):
    """One file: what stat said, and the identity that goes into the digest."""

    stat: Stat
    identity: bytes
    racy: bool = False


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a tree. `changed` are paths (with `/`) that came, went or differ since the last look.

    Neither it nor the digest counts ignored files.
    """

    digest: str
    changed: frozenset[str]
    files: int


class Fingerprint:
    """The state of the tree at `root`; `outputs` are directory names at its top that builds write."""

    def __init__(self, root: Path, outputs: Iterable[str] = ()) -> None:
        self.root = root
        self.entries: dict[str, Entry] = {}
        self.vcs: tuple[str, ...] = ()
        self.outputs = tuple(outputs)
        self._touched: set[str] = set()
        self._ignored: dict[str, bool] = {}
        self._ignore_text: bytes | None = None
        self._ignore = pathspec.GitIgnoreSpec([])
        self._last_digest: str | None = None
        self._first = True
        self._lock = threading.Lock()

    def touched(self, paths: Iterable[str]) -> None:
        """Compare these paths by content at the next look, whatever their stat says. From any thread."""
        self._touched.update(paths)

    def look(self) -> Look:
        """Walk the tree. Blocking (about 5 µs a file): call it in a thread."""
        with self._lock:
            touched, self._touched = self._touched, set()
            now_ns = time.time_ns()
            vcs: list[str] = []
            seen: dict[str, Entry] = {}
            for path, found in self._walk(vcs):
                old = self.entries.get(path)
                if old is not None and old.stat == found and not old.racy and path not in touched:
                    seen[path] = old
                else:
                    seen[path] = self._entry(path, found, now_ns)
            changed = {path for path, entry in seen.items() if not self._is_known(path, entry)}
            changed |= self.entries.keys() - seen.keys()
            if self._read_ignore_file() or changed:
                self._last_digest = None
            changed = {path for path in changed if not self._is_ignored(path)}
            self.entries, self.vcs, self._first = seen, tuple(vcs), False
            if self._last_digest is None:
                self._last_digest = self._digest()
            return Look(digest=self._last_digest, changed=frozenset(changed), files=len(seen))

    def differing(self, entries: Mapping[str, Entry]) -> tuple[str, frozenset[str]]:
        """The last look's digest, and the paths that count and were not as in `entries`, an earlier look's."""
        with self._lock:
            now = self.entries
            found = {path for path, entry in now.items() if _identity(entries.get(path)) != entry.identity}
            found |= entries.keys() - now.keys()
            return self._last_digest or "", frozenset(path for path in found if not self._is_ignored(path))

    def is_as(self, entries: Mapping[str, Entry]) -> bool:
        """Whether, by the last look, no file that counts was written since `entries`, not even to be put back."""
        with self._lock:
            now = self.entries
            written = {path for path, entry in now.items() if path not in entries or entries[path].stat != entry.stat}
            return all(self._is_ignored(path) for path in written | (entries.keys() - now.keys()))

    def _read_ignore_file(self) -> bool:
        """Whether it has changed."""
        path, text = self.root / ".gitignore", b""
        with contextlib.suppress(OSError):
            found = path.lstat()  # a build may have put a pipe there, or a link to something endless
            if stat.S_ISREG(found.st_mode) and found.st_size <= HASHED_BYTES:
                text = path.read_bytes()
        if text == self._ignore_text:
            return False
        self._ignore_text, self._ignored = text, {}
        try:
            self._ignore = pathspec.GitIgnoreSpec.from_lines(text.decode("utf-8", "replace").splitlines())
        except ValueError:  # a pattern git would pass over
            self._ignore = pathspec.GitIgnoreSpec([])
        return True

    def _is_ignored(self, path: str) -> bool:
        if path not in self._ignored:
            self._ignored[path] = self._ignore.match_file(path)
        return self._ignored[path]

    def _is_known(self, path: str, entry: Entry) -> bool:
        old = self.entries.get(path)
        return old is entry or (old is not None and old.identity == entry.identity)

    def _entry(self, path: str, found: Stat, now_ns: int) -> Entry:
        racy = found[1] > now_ns - RACY_NS
        by_content = racy or not self._first
        if stat.S_ISDIR(found[3]) or found[0] > HASHED_BYTES or not by_content:
            return Entry(found, repr(found).encode())
        content = self._content(path, found)
        identity = hashlib.sha256(content).digest() + (b"x" if found[3] & 0o100 else b"-")
        return Entry(found, identity, racy)

    def _content(self, path: str, found: Stat) -> bytes:
        try:
            if stat.S_ISLNK(found[3]):
                return os.fsencode((self.root / path).readlink())
            return (self.root / path).read_bytes()
        except OSError:  # it went away meanwhile, or may not be read: the next look sees
            return repr(found).encode()

    def _digest(self) -> str:
        whole = hashlib.sha256()
        for path in sorted(self.entries):
            if self._is_ignored(path):
                continue
            whole.update(os.fsencode(path) + b"\0" + self.entries[path].identity + b"\n")
        return whole.hexdigest()

    def _walk(self, vcs: list[str]) -> Iterator[tuple[str, Stat]]:
        """Without recursion: a build can make directories deeper than Python's stack."""
        directories = [""]
        while directories:
            inside = directories.pop()
            try:
                found = list(os.scandir(self.root / inside))
            except OSError:
                continue
            for item in found:
                path = f"{inside}/{item.name}" if inside else item.name
                if item.name in VCS_DIRS:
                    vcs.append(path)
                    continue
                if _EDITORS_OWN.match(item.name):
                    continue
                try:
                    seen = _stat(item)
                except OSError:
                    continue
                if stat.S_ISREG(seen[3]) or stat.S_ISLNK(seen[3]) or item.name in INSTALLED_DIRS:
                    yield path, seen  # pipes, sockets and devices are not sources, and reading one may never end
                elif self._is_walked(item.name, seen, inside):
                    directories.append(path)

    def _is_walked(self, name: str, found: Stat, inside: str) -> bool:
        return stat.S_ISDIR(found[3]) and name not in CACHE_DIRS and (bool(inside) or name not in self.outputs)


def _identity(entry: Entry | None) -> bytes | None:
    return None if entry is None else entry.identity


def _stat(item: "os.DirEntry[str]") -> Stat:
    seen = item.stat(follow_symlinks=False)
    size = 0 if stat.S_ISDIR(seen.st_mode) else seen.st_size
    return size, seen.st_mtime_ns, seen.st_ino, seen.st_mode
