"""Files of one tree, reached only by directory descriptor.

In come a root and paths relative to it, written with `/`. Every component on the way is opened with openat(2) and
O_NOFOLLOW, so `..`, an absolute path, a symbolic link (also one swapped in meanwhile) or a version-control
directory never leads anywhere. Only regular files are read or replaced. A file is replaced as a whole: a temporary
file beside it, then one rename.

A tree may pin the directories it enters: then several steps on one path concern the same directory, whatever is put in
its place meanwhile. Moving a pinned directory away takes the writes along; links never redirect them.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from ces.errors import BadChange

VCS_NAMES = frozenset({".git", ".hg", ".svn", ".jj", ".sl", ".bzr", "_darcs", "git~1"})
MAX_FILE_BYTES = 256 * 1024 * 1024
_NAME_LIMIT = 255  # NAME_MAX, limits.h
_PATH_LIMIT = 4095  # PATH_MAX less its final NUL
_PINNED_DIRECTORIES = 128
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE_MODE = 0o644
_NEW_DIRECTORY_MODE = 0o777
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
# HFS+ ignores these in names: ".g\u200cit" is ".git" there.
_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)

Stamp = tuple[int, int, int, int]


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What a file has besides its content. `mode` is the permission bits; None: what a new file gets."""

    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


NEW = Attributes()


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A regular file as it was read. `links` counts its names; `stamp` changes whenever the file does."""

    content: bytes
    attributes: Attributes
    links: int
    stamp: Stamp

    @property
    def mode(self) -> int:
        """The permission bits."""
        return self.attributes.mode or 0


def components(path: str) -> tuple[str, ...]:
    """The names in `path`; BadChange when it could lead outside the tree, into its history, or nowhere."""
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadChange(f"{path!r} is not valid UTF-8: rename the file") from error
    names = tuple(path.split("/"))
    if (
        len(encoded) > _PATH_LIMIT
        or b"\0" in encoded
        or not {"", ".", ".."}.isdisjoint(names)
        or max(map(len, encoded.split(b"/"))) > _NAME_LIMIT
    ):
        raise BadChange(f"{path[:200]!r} is not a path inside the workspace: write it relative to its root")
    for name in names:
        if name.translate(_IGNORED).rstrip(". ").casefold() in VCS_NAMES:
            raise BadChange(f"{path[:200]!r} belongs to version control: leave it to its own commands")
    return names


def parent(path: str) -> str:
    """The directory of `path`, "" for the root."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> list[str]:
    """The directories above `path`, outermost first, without the root."""
    names = path.split("/")[:-1]
    return ["/".join(names[:end]) for end in range(1, len(names) + 1)]


class Tree:
    """An open tree. Close it, or use it in a `with`.

    Not pinned, it may live long and serve several threads; pinned, it is for one transaction and one thread.
    Methods raise BadChange for what may not be touched and OSError for what the system refuses.
    """

    def __init__(self, root: Path, *, pinned: bool = False) -> None:
        self._pinned = pinned
        self._open: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> "Tree":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every descriptor; closing twice is harmless."""
        self._forget(())
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def read(self, path: str) -> File | None:
        """The file at `path`, None when there is none. A file over MAX_FILE_BYTES is a BadChange."""
        *above, name = components(path)
        with self._entered(above) as directory:
            if directory is None or not _is_regular(directory, name, path):
                return None
            try:
                fd = os.open(name, _FILE, dir_fd=directory)
            except FileNotFoundError:
                return None
        with os.fdopen(fd, "rb", buffering=0) as file:
            seen = os.fstat(fd)
            _check_regular(seen, path)
            if seen.st_size > MAX_FILE_BYTES:
                raise BadChange(f"{path} has {seen.st_size:,} bytes, more than {MAX_FILE_BYTES:,}: edit it elsewhere")
            content = file.read()
        attributes = Attributes(mode=stat.S_IMODE(seen.st_mode), uid=seen.st_uid, gid=seen.st_gid)
        return File(content=content, attributes=attributes, links=seen.st_nlink, stamp=_stamp(seen))

    def stamp(self, path: str) -> Stamp | None:
        """The stamp `read(path)` would give now, without reading."""
        *above, name = components(path)
        with self._entered(above) as directory:
            seen = None if directory is None else _lstat(directory, name)
        return None if seen is None else _stamp(seen)

    def missing_parents(self, path: str) -> tuple[str, ...]:
        """The directories above `path` that don't exist, outermost first."""
        components(path)
        above = ancestors(path)
        known = len(above)
        while known:
            with self._entered(above[known - 1].split("/")) as directory:
                if directory is not None:
                    break
            known -= 1
        return tuple(above[known:])

    def make_directory(self, path: str) -> None:
        """Make one directory; nothing happens when it is there."""
        with self._place(path) as (directory, name), contextlib.suppress(FileExistsError):
            os.mkdir(name, _NEW_DIRECTORY_MODE, dir_fd=directory)

    def remove_directories(self, paths: Iterable[str]) -> None:
        """Remove those of `paths` that are empty, the deepest first; the others stay without a word."""
        for path in sorted(paths, key=lambda each: each.count("/"), reverse=True):
            self._forget(components(path))
            with contextlib.suppress(OSError, BadChange), self._place(path) as (directory, name):
                os.rmdir(name, dir_fd=directory)

    def stage(
        self, path: str, temporary: str, content: bytes, attributes: Attributes = NEW, like: str | None = None
    ) -> None:
        """Write `content` to the new file `temporary`, a bare name, beside `path`, down to the disk.

        Owner and extended attributes (those of the file `like`) are kept as far as the system lets us.
        """
        with self._place(path) as (directory, _):
            mode = _NEW_FILE_MODE if attributes.mode is None else 0o600
            fd = os.open(temporary, _NEW_FILE, mode, dir_fd=directory)
        with os.fdopen(fd, "wb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) or 0 :]
            _own(fd, attributes)
            if like is not None:
                self._copy_extended(like, fd)
            if attributes.mode is not None:
                os.fchmod(fd, attributes.mode)  # after fchown, which clears setuid
            os.fsync(fd)

    def publish(self, path: str, temporary: str, *, replaces: bool) -> None:
        """Give a staged file its name. Without `replaces` an existing file is never overwritten (FileExistsError)."""
        with self._place(path) as (directory, name):
            if replaces:
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
                return
            try:
                os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if _lstat(directory, name) is not None:
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
            else:
                os.unlink(temporary, dir_fd=directory)

    def delete(self, path: str) -> None:
        with self._place(path) as (directory, name):
            if not _is_regular(directory, name, path):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            os.unlink(name, dir_fd=directory)

    def discard(self, path: str, temporary: str) -> None:
        """Remove the staged file `temporary` beside `path`, if it is there."""
        *above, _ = components(path)
        with self._entered(above) as directory:
            # Asked first: on a read-only file system removing nothing fails too.
            if directory is not None and _lstat(directory, temporary) is not None:
                os.unlink(temporary, dir_fd=directory)

    def sync(self, directories: Iterable[str]) -> None:
        """Bring renames and removals in these directories ("" is the root) down to the disk; gone ones are skipped."""
        for path in directories:
            with self._entered(components(path) if path else ()) as directory:
                if directory is not None:
                    os.fsync(directory)

    def replace(self, path: str, content: bytes, attributes: Attributes = NEW) -> tuple[str, ...]:
        """Write the whole file at `path`, atomically and durably. The directories that had to be made, outermost first.

        An existing file keeps the attributes that `attributes` leaves open.
        """
        old = self.read(path)
        made = self.missing_parents(path)
        temporary = f".aid-{secrets.token_hex(4)}.tmp"
        if old is not None:
            attributes = _over(attributes, old.attributes)
        for directory in made:
            self.make_directory(directory)
        try:
            self.stage(path, temporary, content, attributes, like=None if old is None else path)
            self.publish(path, temporary, replaces=old is not None)
        except BaseException:
            self.discard(path, temporary)
            self.remove_directories(made)
            raise
        self.sync({parent(path), *map(parent, made)})
        return made

    @contextlib.contextmanager
    def _place(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory `path` lies in, which must be there, and the name in it."""
        *above, name = components(path)
        with self._entered(above) as directory:
            if directory is None:  # dir_fd=None would mean the process's own directory
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), parent(path))
            yield directory, name

    @contextlib.contextmanager
    def _entered(self, names: Sequence[str]) -> Iterator[int | None]:
        """The directory's descriptor, None when it doesn't exist."""
        if self._pinned:
            yield self._pin(tuple(names))
            return
        at = self._root
        try:
            for end in range(1, len(names) + 1):
                below = _open_directory(at, names[:end])
                if below is None:
                    yield None
                    return
                if at != self._root:
                    os.close(at)
                at = below
            yield at
        finally:
            if at != self._root:
                os.close(at)

    def _pin(self, names: tuple[str, ...]) -> int | None:
        """As `_entered`; the descriptor stays open, at least until the next call."""
        known = len(names)
        while known and names[:known] not in self._open:
            known -= 1
        at = self._root
        if known:
            at = self._open[names[:known]]
            self._open.move_to_end(names[:known])
        for end in range(known + 1, len(names) + 1):
            below = _open_directory(at, names[:end])
            if below is None:
                return None
            self._open[names[:end]] = at = below
            if len(self._open) > _PINNED_DIRECTORIES:
                os.close(self._open.popitem(last=False)[1])
        return at

    def _forget(self, names: tuple[str, ...]) -> None:
        """Close the pinned descriptors of a directory and of all below it."""
        for known in [known for known in self._open if known[: len(names)] == names]:
            os.close(self._open.pop(known))

    def _copy_extended(self, source: str, target: int) -> None:
        with contextlib.suppress(OSError), self._place(source) as (directory, name):
            fd = os.open(name, _FILE, dir_fd=directory)
            try:
                for key in os.listxattr(fd):
                    with contextlib.suppress(OSError):
                        os.setxattr(target, key, os.getxattr(fd, key))
            finally:
                os.close(fd)


def _own(fd: int, attributes: Attributes) -> None:
    own = os.fstat(fd)
    uid, gid = attributes.uid, attributes.gid
    if (uid is not None and uid != own.st_uid) or (gid is not None and gid != own.st_gid):
        with contextlib.suppress(PermissionError):
            os.fchown(fd, -1 if uid is None else uid, -1 if gid is None else gid)


def _over(above: Attributes, below: Attributes) -> Attributes:
    return Attributes(
        mode=below.mode if above.mode is None else above.mode,
        uid=below.uid if above.uid is None else above.uid,
        gid=below.gid if above.gid is None else above.gid,
    )


def _open_directory(above: int, names: Sequence[str]) -> int | None:
    try:
        return os.open(names[-1], _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        return None
    except OSError as error:
        seen = _lstat(above, names[-1]) if error.errno in (errno.ENOTDIR, errno.ELOOP) else None
        if seen is None:
            raise
        found = f"{'/'.join(names)} is {_kind(seen.st_mode)}, not a directory"
        raise BadChange(f"{found}: only real directories inside the workspace are entered") from error


def _lstat(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_regular(directory: int, name: str, path: str) -> bool:
    """False when nothing is there, BadChange for what is no file."""
    # Asked before opening: opening a device may already do something.
    seen = _lstat(directory, name)
    if seen is not None:
        _check_regular(seen, path)
    return seen is not None


def _check_regular(seen: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise BadChange(f"{path} is {_kind(seen.st_mode)}: only regular files are edited")


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "a device")


def _stamp(seen: os.stat_result) -> Stamp:
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
