"""Changes that people made: pull requests of the shared fixtures, and the commits of git repositories.

Read only. What is too large to be one person's one change (`MOST_FILES`, `MOST_BYTES`, `MOST_LINES`) is left out, as
are merges and commits without a source file.
"""

import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

from ces.change import FileChange
from ces.hacks import Case

MOST_FILES = 30
MOST_BYTES = 400_000
MOST_LINES = 600


class Human(msgspec.Struct, frozen=True):
    """One person's change; `author` tells persons apart, as far as known."""

    project: str
    name: str
    author: str
    case: Case


def pull_requests(file: Path) -> Iterator[Human]:
    for line in gzip.decompress(file.read_bytes()).decode().splitlines():
        one = json.loads(line)
        before = {path: text.encode() for path, text in one["before"].items()}
        after = {path: text.encode() for path, text in one["after"].items()}
        changes = tuple(
            FileChange(path=path, before=before.get(path), after=after.get(path))
            for path in sorted(before | after)
            if before.get(path) != after.get(path)
        )
        pull = one["id"].split("/")[0]
        case = Case(changes=changes, base=before.get, paths=frozenset(before))
        yield Human(pull.split("-pull-")[0], one["id"], pull, case)


class Repository:
    """A git repository's commits as changes, from `newest` back, read through one `git cat-file`."""

    def __init__(self, path: Path, project: str, newest: str = "HEAD") -> None:
        self.path, self.project, self.newest = path, project, newest
        self.batch = subprocess.Popen(
            ["git", "-C", str(path), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, *command: str) -> str:
        done = subprocess.run(["git", "-C", str(self.path), *command], check=True, capture_output=True)
        return done.stdout.decode("utf-8", "replace")

    def read(self, name: str) -> bytes | None:
        reading, writing = cast(IO[bytes], self.batch.stdout), cast(IO[bytes], self.batch.stdin)
        writing.write(name.encode() + b"\n")
        writing.flush()
        head = reading.readline().split()
        if len(head) < 3 or head[1] != b"blob":
            if len(head) >= 3 and head[-1].isdigit() and head[1] in (b"tree", b"commit"):
                reading.read(int(head[2]) + 1)
            return None
        return reading.read(int(head[2]) + 1)[:-1]

    def humans(self, most: int, skip: int) -> Iterator[Human]:
        """The newest `most` that are measured, after the newest `skip`."""
        found = -skip
        for line in self.run("log", "--no-merges", "--format=%H%x09%P%x09%ae", self.newest).splitlines():
            commit, parents, author = line.split("\t")
            if found == most or " " in parents or not parents:
                continue
            try:
                changes = tuple(self.changes(parents, commit))
                lines = self.lines(parents, commit)
            except subprocess.CalledProcessError:  # the clone lacks a file of it
                continue
            if not 0 < len(changes) <= MOST_FILES or not any(self.is_source(change.path) for change in changes):
                continue
            sizes = [len(change.before or b"") + len(change.after or b"") for change in changes]
            if sum(sizes) > MOST_BYTES or not 0 < lines <= MOST_LINES:
                continue
            found += 1
            if found <= 0:
                continue
            paths = frozenset(self.run("ls-tree", "-r", "--name-only", parents).splitlines())
            base = lambda path, at=parents: self.read(f"{at}:{path}")  # noqa: E731
            yield Human(self.project, commit[:10], author, Case(changes=changes, base=base, paths=paths))

    def is_source(self, path: str) -> bool:
        return path.endswith((".ml", ".mli", ".py", ".rs", ".ts", ".tsx"))

    def lines(self, parent: str, commit: str) -> int:
        counts = (line.split("\t")[:2] for line in self.run("diff", "--numstat", parent, commit).splitlines())
        return sum(int(number) for pair in counts for number in pair if number.isdigit())

    def changes(self, parent: str, commit: str) -> Iterator[FileChange]:
        fields = iter(self.run("diff-tree", "-r", "-z", "-M", "--raw", parent, commit).split("\0"))
        for head in fields:
            if not head:
                return
            old, new, before, after, status = head[1:].split(" ")
            path = next(fields)
            target = next(fields) if status[0] in "RC" else path
            if "160000" in (old, new):
                continue
            yield FileChange(
                path=target,
                before=None if status[0] in "AC" else self.read(before),
                after=None if status[0] == "D" else self.read(after),
                old_path=path if status[0] == "R" else None,
                mode=int(new, 8) if new == "120000" and old != new else None,
            )
