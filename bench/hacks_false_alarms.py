"""How many hacks are caught, and how often people's own changes are taken for one.

    python bench/hacks_false_alarms.py [--most N] [--skip N] [--show] [GIT_REPOSITORY ...]

Three figures: the suite of tests/ces/hacks, caught of all; real human changes with themselves as reference; and each
with another person's change of the same kind as reference: same project, same sorts of files touched (code by language,
tests, build files, documents), and alike in whether code comes, only goes, or stays. A change that has no such fellow
isn't counted there. "any fellow" is harder than what is claimed: any other change to the project is the reference.

The changes are the shared fixtures' pull requests (AID_SHARED_FIXTURES, or beside the checkout) and the newest commits
of the repositories named. Nothing of them is kept. Rules are mended by what is seen here, so a figure is only worth
something on changes that nobody has looked at: other repositories, or older commits (`--skip`).
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ces" / "hacks"))

from hack_suite import cases, missed

from ces.change import FileChange
from ces.hacks import Case, deletion, families, nothing, tricks
from ces.hacks.edited import Edited, edited
from ces.hacks.sharing import HARDLY_ANY, unshared
from ces.verdict import Flag

ROOT = Path(__file__).parents[1]
FIXTURES = Path(os.environ.get("AID_SHARED_FIXTURES") or ROOT.parent / "shared" / "fixtures" / "edits")
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
    """A git repository's commits as changes, read through one `git cat-file`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.batch = subprocess.Popen(
            ["git", "-C", str(path), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, *command: str) -> str:
        done = subprocess.run(["git", "-C", str(self.path), *command], check=True, stdout=subprocess.PIPE)
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
        found = -skip
        for line in self.run("log", "--no-merges", "--format=%H%x09%P%x09%ae").splitlines():
            commit, parents, author = line.split("\t")
            if found == most or " " in parents or not parents:
                continue
            changes = tuple(self.changes(parents, commit))
            if not 0 < len(changes) <= MOST_FILES or not any(self.is_source(change.path) for change in changes):
                continue
            sizes = [len(change.before or b"") + len(change.after or b"") for change in changes]
            if sum(sizes) > MOST_BYTES or not 0 < self.lines(parents, commit) <= MOST_LINES:
                continue
            found += 1
            if found <= 0:
                continue
            paths = frozenset(self.run("ls-tree", "-r", "--name-only", parents).splitlines())
            base = lambda path, at=parents: self.read(f"{at}:{path}")  # noqa: E731
            yield Human(self.path.parent.name, commit[:10], author, Case(changes=changes, base=base, paths=paths))

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


class Seen(msgspec.Struct, frozen=True, eq=False):
    """A human's change with what is found in it."""

    human: Human
    change: Edited
    flags: tuple[Flag, ...]
    kind: tuple[object, ...]


def seen(human: Human) -> Seen:
    change = edited(human.case, human.case.changes)
    return Seen(human, change, tuple(flag for family in families() for flag in family.find(change)), kind(change))


def kind(change: Edited) -> tuple[object, ...]:
    """What sort of change it is: which sorts of files, and whether code comes, mostly goes, or stays."""
    cosmetic = next((flag.name for flag in nothing.find(change)), None)
    if cosmetic is not None:
        return (cosmetic,)
    sorts = {f"code {file.language}" for file in change.code if file.language not in ("dune", "config")}
    sorts |= {"build" for file in change.code if file.language in ("dune", "config")}
    if any(file.change.before is not None for file in change.tests):
        sorts.add("tests")
    if change.added_lines + change.removed_lines == 0:  # tests, in files of their own or within sources
        return "stays", frozenset(sorts)
    goes = change.added_lines <= HARDLY_ANY * change.removed_lines
    return "goes" if goes else "comes", frozenset(sorts)


def fellows(every: list[Seen], *, alike: bool) -> Iterator[tuple[Seen, Seen]]:
    """Each change with another person's, of its kind or any, drawn by lot."""
    groups: dict[object, list[Seen]] = defaultdict(list)
    for one in every:
        groups[one.human.project, one.kind if alike else None].append(one)
    chance = random.Random(3)
    for group in groups.values():
        for one in group:
            others = [other for other in group if other.human.author != one.human.author]
            if others:
                yield one, chance.choice(others)


def alarms(pairs: list[tuple[Seen, Seen]], *, show: bool) -> tuple[int, int, Counter[str]]:
    """How many are taken for hacks, of how many, and by which flags."""
    wrong = 0
    names: Counter[str] = Counter()
    for one, other in pairs:
        found = (*one.flags, *deletion.ratio(one.change, other.change))
        counted = unshared(tricks(), one.change, found, (other.change, other.flags))
        wrong += bool(counted)
        names.update({flag.name for flag in counted})
        for flag in counted if show else ():
            what = f"{flag.name} {flag.path}:{flag.line} {flag.message!r}"
            print(f"    {one.human.project} {one.human.name} {what} against {other.human.name}")
    return wrong, len(pairs), names


def told(what: str, wrong: int, of: int, names: Counter[str]) -> None:
    why = ", ".join(f"{name} {count}" for name, count in names.most_common())
    print(f"{what}: {wrong} of {of} = {100 * wrong / max(of, 1):.2f} %  {why}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repositories", nargs="*", type=Path)
    parser.add_argument("--most", type=int, default=400, help="commits of each repository")
    parser.add_argument("--skip", type=int, default=0, help="of the newest that would be measured, leave out so many")
    parser.add_argument("--show", action="store_true", help="print each false alarm")
    asked = parser.parse_args()
    suite = [case for case in cases() if not case.honest]
    print(f"hack suite: {sum(not missed(case) for case in suite)} of {len(suite)} caught")
    humans = []
    fixtures = FIXTURES / "real_pull_requests.jsonl.gz"
    if fixtures.is_file():
        humans += list(pull_requests(fixtures))
    else:
        print(f"no shared fixtures at {FIXTURES}: only the repositories named are measured")
    for path in asked.repositories:
        humans += list(Repository(path).humans(asked.most, asked.skip))
    started = time.process_time()
    every = [seen(human) for human in humans]
    spent = 1000 * (time.process_time() - started) / max(len(humans), 1)
    flagged = sum(bool(one.flags) for one in every)
    projects = sorted({human.project for human in humans})
    print(f"{len(every)} human changes, {len(projects)} projects: {flagged} carry flags, {spent:.0f} ms CPU each")
    told("itself as reference", *alarms([(one, one) for one in every], show=asked.show))
    told("another's of the same kind", *alarms(list(fellows(every, alike=True)), show=asked.show))
    told("any fellow", *alarms(list(fellows(every, alike=False)), show=False))
    for project in projects:
        mine = [one for one in every if one.human.project == project]
        told(f"  {project}, same kind", *alarms(list(fellows(mine, alike=True)), show=False))


if __name__ == "__main__":
    main()
