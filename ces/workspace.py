"""Views of a workspace: the person's tree with build directories of our own, and proposals laid over it.

The person's files are read and never written; `.git` and `.hg` are not there inside. Two ways to make a view:

overlay     person's tree  ←  base  ←  a proposal's own upper layer, thrown away after its check

    `base` holds only what building the tree as it stands has written to its build directories (`_build`, `target`, …):
    the warm start. A proposal writes its files and its build's output into a layer of its own, so proposals can run
    side by side and none leaves anything behind for the next. The build directories in `base` are opaque: the person's
    own are copied once, at the first warm-up, and the builds they run afterwards don't shine through.

    Changing the lower directory of a mounted overlay is undefined behaviour, changing it between mounts is not. So
    every command mounts anew, in a mount namespace of its own that ends with it (about 10 ms), nothing of the sources
    stays in `base`, and `ces.builder` looks afterwards whether the tree changed meanwhile. The alternative, a copy kept
    in step with the tree, costs the tree's size once and a walk of it at each check: that is the fallback.

copy        where no overlay can be mounted: one copy, synchronised by stat before each check, one check at a time

Everything here blocks; `ces.check` calls it in threads, holding the `Turns` of a workspace.
"""

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from ces.change import FileChange
from ces.errors import BadChange, InfraError
from ces.fingerprint import CACHE_DIRS, INSTALLED_DIRS, VCS_DIRS, Fingerprint
from ces.isolation import Isolation, Place, layout, remove_tree, white_out

COPY_LIMIT_BYTES = 4 << 30
COPY_LIMIT_FILES = 400_000
SHOWN = 80  # of a path that is refused, in a message
NAME_BYTES = 255  # NAME_MAX, limits.h
PATH_BYTES = 2048  # half of PATH_MAX: where a view of the tree stands comes before it, and a build's directories
_AHEAD_NS = 2_000_000_000  # a stale .pyc is told by mtime in whole seconds


class Views(Protocol):
    """What both kinds of view offer. `side_by_side` is how many proposals may be open at once.

    `kept`: what an earlier process's build left in the build directories was there already. `outputs` is where the
    base's build directories are on this machine, None where they aren't apart from the sources.
    """

    side_by_side: int
    kept: bool
    outputs: Path | None

    def sync(self, tree: Fingerprint) -> None:
        """Bring the base in step with the tree as `tree` last saw it. No view may be open."""
        ...

    def open_base(self) -> Place:
        """Where to build the tree as it stands; what that leaves in the build directories is kept."""
        ...

    def open(self, changes: Sequence[FileChange], *, cold: bool = False) -> Place:
        """Where to build the tree with `changes` laid over it, later ones over earlier ones.

        `cold`: without the base's build directories, where views can do that.
        """
        ...

    def close(self, place: Place) -> None: ...

    def reset(self) -> None:
        """Forget what builds have left: the next one starts cold. No view may be open."""
        ...


def make(root: Path, state_dir: Path, isolation: Isolation, outputs: Sequence[str], *, keep: bool = False) -> Views:
    """Views of `root` under `state_dir`. What an earlier process left there goes.

    `keep`: save the build directories of an overlay's base, for builds that tell by content what is stale.
    """
    views = state_dir / "views"
    views.mkdir(parents=True, exist_ok=True)
    for left in list(views.iterdir()):
        if not (keep and isolation.view == "overlay" and left.name == "base"):
            remove_tree(left)
    kind = OverlayViews if isolation.view == "overlay" else CopyViews
    return kind(root, views, tuple(outputs))


class OverlayViews:
    side_by_side = 2

    def __init__(self, root: Path, views: Path, outputs: tuple[str, ...]) -> None:
        self._root = root
        self._views = views
        self._outputs = outputs
        self._base = views / "base"
        self._vcs: tuple[str, ...] = ()
        self.outputs: Path | None = self._base / "upper"
        self.kept = all((self._base / "upper" / name).is_dir() for name in outputs)
        layout(self._base)
        self._warm_outputs(copied=True)

    def sync(self, tree: Fingerprint) -> None:
        self._vcs = tree.vcs
        self._settle()

    def open_base(self) -> Place:
        return self._place(self._base, ("lower",))

    def open(self, changes: Sequence[FileChange], *, cold: bool = False) -> Place:
        made = self._views / uuid.uuid4().hex
        layout(made)
        try:
            for change in changes:
                self._lay(made / "upper", change)
        except OSError as error:
            remove_tree(made)
            raise InfraError(f"can't write the view in {made}: {error.strerror}") from error
        return self._place(made, ("lower",) if cold else ("../base/upper", "lower"))

    def close(self, place: Place) -> None:
        if place.tree != self._base:
            remove_tree(place.tree)
            return
        remove_tree(place.scratch)
        remove_tree(self._base / "work")  # the kernel leaves in it what an ordinary rm -r can't delete
        self._settle()

    def reset(self) -> None:
        remove_tree(self._base / "upper")
        layout(self._base)
        self._warm_outputs(copied=False)
        self._settle()

    def _place(self, tree: Path, layers: tuple[str, ...]) -> Place:
        layout(tree)
        scratch = tree / "tmp"
        scratch.mkdir(exist_ok=True)
        return Place(root=self._root, tree=tree, scratch=scratch, layers=layers)

    def _warm_outputs(self, *, copied: bool) -> None:
        for name in self._outputs:
            theirs, ours = self._root / name, self._base / "upper" / name
            if ours.is_dir() and not ours.is_symlink():
                continue
            remove_tree(ours)
            half = self._base / f"copying {name}"  # a copy that was broken off must not pass for a whole one
            remove_tree(half)
            if not (copied and theirs.is_dir() and not theirs.is_symlink() and _copied(theirs, half)):
                half.mkdir()
            os.setxattr(half, "user.overlay.opaque", b"y")
            half.rename(ours)

    def _settle(self) -> None:
        """Leave in the base only build directories, and the whiteouts that hide version control."""
        upper = self._base / "upper"
        for item in list(upper.iterdir()):
            if item.name not in self._outputs:
                remove_tree(item)
        for path in self._vcs:
            _mirror_parents(self._root, upper, path)
            white_out(upper / path)

    def _lay(self, upper: Path, change: FileChange) -> None:
        if change.old_path is not None and change.old_path != change.path:
            _mirror_parents(self._root, upper, change.old_path)
            white_out(upper / change.old_path)
        _mirror_parents(self._root, upper, change.path)
        target = upper / change.path
        if target.exists() or target.is_symlink():
            remove_tree(target)
        if change.after is None:
            white_out(target)
        else:
            _write(target, change, self._root / (change.old_path or change.path))


class CopyViews:
    side_by_side = 1
    kept = False
    outputs: Path | None = None

    def __init__(self, root: Path, views: Path, outputs: tuple[str, ...]) -> None:
        self._root = root
        self._copy = views / "copy"
        self._views = views
        self._outputs = outputs
        self._tree: Fingerprint | None = None
        # path -> (the source's identity, what stat said of our copy of it)
        self._written: dict[str, tuple[bytes, object]] = {}
        self._copy.mkdir()
        for name in outputs:
            if (root / name).is_dir() and not _copied(root / name, self._copy / name):
                remove_tree(self._copy / name)

    def sync(self, tree: Fingerprint) -> None:
        self._tree = tree
        self._restore()

    def open_base(self) -> Place:
        return self._place()

    def open(self, changes: Sequence[FileChange], *, cold: bool = False) -> Place:
        self._restore()
        try:
            for change in changes:
                if change.old_path is not None and change.old_path != change.path:
                    remove_tree(self._copy / change.old_path)
                target = self._copy / change.path
                remove_tree(target)
                if change.after is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _write(target, change, self._root / (change.old_path or change.path))
        except OSError as error:
            raise InfraError(f"can't write the view in {self._copy}: {error.strerror}") from error
        return self._place()

    def close(self, place: Place) -> None:
        remove_tree(place.scratch)
        self._restore()

    def reset(self) -> None:
        for name in self._outputs:
            remove_tree(self._copy / name)

    def _place(self) -> Place:
        scratch = self._views / f"tmp-{uuid.uuid4().hex}"
        scratch.mkdir()
        return Place(root=self._root, tree=self._copy, scratch=scratch)

    def _restore(self) -> None:
        """Make the copy what the tree was at the last look, whatever a proposal or a build did to it.

        A file written anew gets the present as its mtime: what was built from the text before must look older.
        """
        if self._tree is None:
            return
        first = not self._written
        mine = Fingerprint(self._copy, self._outputs)
        mine.look()
        if len(self._tree.entries) > COPY_LIMIT_FILES:
            raise InfraError(f"{self._root} has too many files to copy: install bubblewrap for overlay views")
        for path in mine.entries.keys() - self._tree.entries.keys():
            remove_tree(self._copy / path)
        self._remove_strange()
        for path, entry in self._tree.entries.items():
            ours = mine.entries.get(path)
            if ours is None or self._written.get(path) != (entry.identity, ours.stat):
                self._bring(path, entry.identity, fresh=not first)
        for path in self._written.keys() - self._tree.entries.keys():
            del self._written[path]

    def _remove_strange(self) -> None:
        """What a fingerprint doesn't list: directories the tree hasn't, pipes, sockets, planted version control."""
        for directory, inside, names in os.walk(self._copy):
            at = Path(directory).relative_to(self._copy)
            if at == Path():
                inside[:] = [name for name in inside if name not in self._outputs]
            for name in list(inside):
                ours = self._copy / at / name
                if name in VCS_DIRS or not (self._root / at / name).is_dir():
                    if name not in CACHE_DIRS:
                        remove_tree(ours)
                    inside.remove(name)
                elif name in INSTALLED_DIRS:
                    inside.remove(name)
            for name in names:
                ours = self._copy / at / name
                if not stat.S_ISREG(ours.lstat().st_mode) and not ours.is_symlink():
                    ours.unlink()

    def _bring(self, path: str, identity: bytes, *, fresh: bool) -> None:
        source, target = self._root / path, self._copy / path
        remove_tree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if PurePosixPath(path).name in INSTALLED_DIRS and not source.is_symlink():
                _copied(source, target)
            else:
                shutil.copy2(source, target, follow_symlinks=False)
                if fresh and not target.is_symlink():
                    os.utime(target)
            seen = target.lstat()
        except FileNotFoundError:
            return  # it went away since the look; the next one says so
        except OSError as error:
            raise InfraError(f"can't copy {source}: {error.strerror}") from error
        size = 0 if stat.S_ISDIR(seen.st_mode) else seen.st_size
        self._written[path] = (identity, (size, seen.st_mtime_ns, seen.st_ino, seen.st_mode))


def validate(root: Path, changes: Sequence[FileChange], unsaved: Mapping[str, bytes | None]) -> None:
    """Raise BadChange unless `changes` can be made to the tree: names inside it, and made from what is there now.

    `unsaved` is editor text that stands for the file on disk.
    """
    taken: set[str] = set()
    made = {change.path for change in changes if change.after is not None}
    for change in changes:
        for path in {change.path, change.old_path or change.path}:
            check_path(root, path)
            if path in taken:
                raise BadChange(f"{path} is changed twice")
            taken.add(path)
    for change in changes:
        if change.after is not None and (above := made & set(map(str, PurePosixPath(change.path).parents))):
            raise BadChange(f"{change.path} can't be there: {above.pop()} is made a file")
        source = change.old_path or change.path
        now = unsaved[source] if source in unsaved else _content(root / source)
        if now != change.before:
            state = "is not there" if now is None else "is not what the change was made from"
            raise BadChange(f"{source} {state}" if change.before is not None else f"{source} exists already")
        if change.old_path is not None and change.old_path != change.path and os.path.lexists(root / change.path):
            raise BadChange(f"{change.path} exists already")
        if change.before is None and change.after is None:
            raise BadChange(f"{change.path} is neither there before nor after")


def check_path(root: Path, path: str) -> None:
    """Raise BadChange unless `path` is, or may become, a file of the tree: a plain name, nothing in its way."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or "\0" in path or str(pure) != path or ".." in pure.parts:
        raise BadChange(f"{path!r} is not a plain path inside the workspace")
    _check_names(path)
    if VCS_DIRS & set(pure.parts):
        raise BadChange(f"{path} is inside a version control directory")
    try:
        _check_way(root, pure)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise BadChange(f"{path[:SHOWN]!r} is too long for the file system of {root}") from error


def _check_names(path: str) -> None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError as error:
        raise BadChange(f"{path[:SHOWN]!r} is not UTF-8") from error
    if max(map(len, encoded.split(b"/"))) > NAME_BYTES:
        raise BadChange(f"{path[:SHOWN]!r}… has a name longer than {NAME_BYTES} bytes in it")
    if len(encoded) > PATH_BYTES:
        raise BadChange(f"{path[:SHOWN]!r}… is longer than {PATH_BYTES} bytes")


def _check_way(root: Path, path: PurePosixPath) -> None:
    for parent in [root / inside for inside in reversed(path.parents) if inside.parts]:
        if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
            raise BadChange(f"{path}: {parent.relative_to(root)} is not a directory of the workspace")
    target = root / path
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise BadChange(f"{path} is not a regular file")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadChange(f"{path} can't be read: {error.strerror}") from error


def _mirror_parents(root: Path, upper: Path, path: str) -> None:
    """Make the directories above `path` in `upper`, with the permissions they have in the tree."""
    for inside in reversed(PurePosixPath(path).parents):
        made = upper / inside
        if inside.parts and not made.is_dir():
            made.mkdir()
            with contextlib.suppress(OSError):
                made.chmod(stat.S_IMODE((root / inside).stat().st_mode) | 0o700)


def _write(target: Path, change: FileChange, source: Path) -> None:
    assert change.after is not None
    target.write_bytes(change.after)
    mode, newest = 0o644, time.time_ns()
    with contextlib.suppress(OSError):
        seen = source.stat()
        mode = stat.S_IMODE(seen.st_mode)
        newest = max(newest, seen.st_mtime_ns + _AHEAD_NS)
    target.chmod(change.mode if change.mode is not None else mode)
    os.utime(target, ns=(newest, newest))


def _copied(source: Path, target: Path) -> bool:
    """Copy a directory with its times, by reflink where the file system can; False when it is too large or failed."""
    size_bytes = files = 0
    for seen in _stats(source):
        size_bytes, files = size_bytes + seen.st_size, files + 1
        if size_bytes > COPY_LIMIT_BYTES or files > COPY_LIMIT_FILES:
            return False
    command = ["cp", "-a", "--reflink=auto", "--", str(source), str(target)]
    if subprocess.run(command, check=False, capture_output=True).returncode == 0:
        return True
    remove_tree(target)
    return False


def _stats(directory: Path) -> Iterator[os.stat_result]:
    for inside, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                yield Path(inside, name).lstat()
