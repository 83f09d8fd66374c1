"""The journal of one workspace: a directory in the user's state, never in the repository.

    lock                       held (flock) by whoever reads or changes the tree through the journal
    pending                    the record of the change set being carried out; there after a crash
    0000000042-1f3a9c2e.applied  change sets of the past, by turn, id and state

`pending` is complete and on the disk before the tree is touched, and becomes an entry by one rename, which is the
commit. A change set that was undone or redone is the entry with its highest turn; older ones of its id don't count.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from aid.apply.record import Damaged, Record, State, decode, decode_by, decode_entry, encode
from aid.errors import ApplyError
from aid.protocol import LogEntry

KEPT_ENTRIES = 200
KEPT_BYTES = 256 * 1024 * 1024
LOCK_TIMEOUT_S = 60.0
_PRIVATE = 0o600


class Name(NamedTuple):
    """An entry by its file's name; orders by turn."""

    turn: int
    id: str
    state: State

    def __str__(self) -> str:
        return f"{self.turn:010d}-{self.id}.{self.state}"


class Journal:
    """`directory` is made when it is missing. Methods raise OSError for what the system refuses."""

    def __init__(
        self,
        directory: Path,
        *,
        kept_entries: int = KEPT_ENTRIES,
        kept_bytes: int = KEPT_BYTES,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.directory = directory
        self._kept_entries = kept_entries
        self._kept_bytes = kept_bytes
        self._lock_timeout_s = lock_timeout_s
        self._pending = directory / "pending"
        directory.mkdir(mode=0o700, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the workspace, among processes and threads. ApplyError when the lock isn't free in time."""
        fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        try:
            self._wait(fd)
            yield
        finally:
            os.close(fd)

    def has_pending(self) -> bool:
        return self._pending.exists()

    def pending(self) -> Record | None:
        """What was being carried out when its process died. ApplyError when that can't be read."""
        try:
            return decode(self._pending.read_bytes())
        except FileNotFoundError:
            return None
        except Damaged as error:
            raise ApplyError(
                f"the journal's unfinished record {self._pending} is damaged ({error}): "
                "compare the files it names with your repository, then remove it"
            ) from error

    def begin(self, record: Record) -> None:
        """Put `record` on the disk as pending. Two fsyncs: the file and the directory."""
        new = self.directory / "pending.new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE)
        try:
            with os.fdopen(fd, "wb", buffering=0) as file:
                for piece in encode(record):
                    view = memoryview(piece)
                    while view:
                        view = view[file.write(view) or 0 :]
                os.fsync(fd)
            new.rename(self._pending)
            self._sync()
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    def commit(self, record: Record) -> None:
        """The pending record has been carried out.

        Not fsynced: should the machine stop now, the record is pending again, and found to be carried out.
        """
        self._pending.rename(self.directory / str(Name(record.turn, record.id, record.state)))

    def drop_pending(self) -> None:
        """The pending record has been rolled back. Its being gone must be durable before the next one begins."""
        self._pending.unlink(missing_ok=True)
        self._sync()

    def names(self) -> list[Name]:
        """The change sets there are, the one last applied, undone or redone first."""
        newest: dict[str, Name] = {}
        for name in self._all_names():
            newest.setdefault(name.id, name)
        return list(newest.values())

    def load(self, name: Name) -> Record:
        """An entry, whole. ApplyError when it is damaged."""
        path = self.directory / str(name)
        try:
            return decode(path.read_bytes())
        except Damaged as error:
            raise ApplyError(f"change set {name.id} can't be read ({path}: {error}): remove that file") from error

    def entry(self, name: Name) -> LogEntry | None:
        """What the log shows of an entry, None when it is damaged or was dropped meanwhile."""
        try:
            with (self.directory / str(name)).open("rb") as file:
                return decode_entry(file.readline())
        except (Damaged, FileNotFoundError):
            return None

    def by(self, request: str) -> Name | None:
        """The change set as `request` had it carried out last, if it did."""
        for name in self.names():
            try:
                with (self.directory / str(name)).open("rb") as file:
                    if decode_by(file.readline()) == request:
                        return name
            except (Damaged, FileNotFoundError):
                continue
        return None

    def prune(self) -> None:
        """Drop superseded entries, and the oldest past what is kept by number and size; the newest always stays."""
        current = set(self.names())
        size = 0
        for count, name in enumerate(self._all_names()):
            path = self.directory / str(name)
            size += path.stat().st_size
            full = count >= self._kept_entries or size > self._kept_bytes
            if name not in current or (full and count > 0):
                path.unlink()

    def next_turn(self) -> int:
        return max((name.turn for name in self._all_names()), default=0) + 1

    def _all_names(self) -> list[Name]:
        found = (_parse(name) for name in os.listdir(self.directory))  # noqa: PTH208
        return sorted((name for name in found if name is not None), reverse=True)

    def _wait(self, fd: int) -> None:
        deadline = time.monotonic() + self._lock_timeout_s
        pause_s = 0.001
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ApplyError(
                        f"another AID process has been changing this workspace for {self._lock_timeout_s:g} s: "
                        "see 'aid status', end it and try again"
                    ) from None
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)

    def _sync(self) -> None:
        fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _parse(name: str) -> Name | None:
    stem, dot, state = name.rpartition(".")
    turn, dash, id_ = stem.partition("-")
    if not dot or not dash or not turn.isdecimal() or state not in ("applied", "undone"):
        return None
    return Name(int(turn), id_, cast(State, state))
