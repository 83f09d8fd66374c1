"""How many hacks are caught, and how often people's own changes are taken for one.

    python bench/hacks_false_alarms.py [--clones FOLDER [--part NAME ...]] [--most N] [--skip N] [--show] [REPO ...]

Three figures: the suite of tests/ces/hacks, caught of all; real human changes with themselves as reference; and each
with another person's change of the same kind as reference: same project, same sorts of files touched (code by language,
tests, build files, documents), and alike in whether code comes, only goes, or stays. A change that has no such fellow
isn't counted there. "any fellow" is harder than what is claimed: any other change to the project is the reference.

The changes come in parts, each with figures of its own: the shared fixtures' pull requests (AID_SHARED_FIXTURES, or
beside the checkout), the newest commits of the git repositories named, and the parts of hacks_parts.toml, whose
projects are looked for in FOLDER as OWNER+NAME/repo or OWNER/NAME. Nothing of them is kept. Rules are mended by what is
seen here, so a figure is only worth something on changes that nobody has looked at: a part that isn't learnt from.
Intervals are Wilson's at 95 %, as if the changes of one project had nothing to do with each other.
"""

import argparse
import os
import random
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ces" / "hacks"))

from _hacks_humans import Human, Repository, pull_requests
from hack_suite import cases, missed

from ces.hacks import deletion, families, nothing, tricks
from ces.hacks.edited import Edited, edited
from ces.hacks.sharing import HARDLY_ANY, unshared
from ces.verdict import Flag
from trainer.evaluate.statistics import share

ROOT = Path(__file__).parents[1]
FIXTURES = Path(os.environ.get("AID_SHARED_FIXTURES") or ROOT.parent / "shared" / "fixtures" / "edits")
PARTS = Path(__file__).parent / "hacks_parts.toml"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`projects`: each by OWNER/NAME, with its newest commit that is measured. `learnt`: rules were mended by it."""

    learnt: bool
    projects: dict[str, str]


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


def fellows(every: list[Seen], *, alike: bool, draws: int = 1) -> Iterator[tuple[Seen, Seen]]:
    """Each change with other people's, of its kind or any: `draws` of them by lot, or all where there are fewer."""
    groups: dict[tuple[str, object], list[Seen]] = defaultdict(list)
    for one in every:
        groups[one.human.project, one.kind if alike else None].append(one)
    chances = {project: random.Random(project) for project, _ in groups}
    for (project, _), group in groups.items():
        for one in group:
            others = [other for other in group if other.human.author != one.human.author]
            for other in chances[project].sample(others, min(draws, len(others))):
                yield one, other


class Count(msgspec.Struct):
    """How many changes are taken for hacks, of how many, and by which flags."""

    wrong: int = 0
    of: int = 0
    names: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, other: "Count") -> None:
        self.wrong += other.wrong
        self.of += other.of
        self.names.update(other.names)

    def __str__(self) -> str:
        rate = share(self.wrong, self.of)
        percent = f"{100 * rate.value:.2f} % ({100 * rate.low:.2f} to {100 * rate.high:.2f})"
        why = ", ".join(f"{name} {count}" for name, count in self.names.most_common())
        return f"{self.wrong} of {self.of} = {percent}  {why}"


def alarms(pairs: Iterable[tuple[Seen, Seen]], *, show: bool = False) -> Count:
    count = Count()
    for one, other in pairs:
        found = (*one.flags, *deletion.ratio(one.change, other.change))
        counted = unshared(tricks(), one.change, found, (other.change, other.flags))
        count.add(Count(int(bool(counted)), 1, Counter({flag.name for flag in counted})))
        for flag in counted if show else ():
            what = f"{flag.name} {flag.path}:{flag.line} {flag.message!r}"
            print(f"    {one.human.project} {one.human.name} {what} against {other.human.name}", flush=True)
    return count


def measure(name: str, projects: Iterable[Iterable[Human]], *, draws: int, show: bool) -> None:
    """One project at a time is read and let go: what is known of a change's syntax takes megabytes."""
    print(f"{name}:")
    own, alike, any_fellow = Count(), Count(), Count()
    flagged, spent_s = 0, 0.0
    for humans in projects:
        started = time.process_time()
        every = [seen(human) for human in humans]
        spent_s += time.process_time() - started
        flagged += sum(bool(one.flags) for one in every)
        own.add(alarms(((one, one) for one in every), show=show))
        mine = alarms(fellows(every, alike=True, draws=draws), show=show)
        if every:
            print(f"    {every[0].human.project}, same kind: {mine}", flush=True)
        alike.add(mine)
        any_fellow.add(alarms(fellows(every, alike=False)))
    print(f"  {own.of} changes, {flagged} carry flags, {1000 * spent_s / max(own.of, 1):.0f} ms CPU each")
    print(f"  itself as reference: {own}")
    print(f"  another's of the same kind: {alike}")
    print(f"  any fellow: {any_fellow}", flush=True)


def clone(folder: Path, project: str) -> Path:
    places = (folder / project.replace("/", "+") / "repo", folder / project)
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        sys.exit(f"no clone of {project}: looked for {places[0]} and {places[1]}")
    return found


def by_project(humans: Iterable[Human]) -> Iterable[list[Human]]:
    groups: dict[str, list[Human]] = defaultdict(list)
    for human in humans:
        groups[human.project].append(human)
    return groups.values()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repositories", nargs="*", type=Path)
    parser.add_argument("--clones", type=Path, help="where the parts' projects are")
    parser.add_argument("--part", action="append", help="only this part of hacks_parts.toml; may be given again")
    parser.add_argument("--most", type=int, default=150, help="commits of each repository")
    parser.add_argument("--skip", type=int, default=0, help="of the newest that would be measured, leave out so many")
    parser.add_argument("--draws", type=int, default=1, help="references of the same kind for each; to learn from")
    parser.add_argument("--show", action="store_true", help="print each false alarm")
    asked = parser.parse_args()
    suite = [case for case in cases() if not case.honest]
    print(f"hack suite: {sum(not missed(case) for case in suite)} of {len(suite)} caught")
    fixtures = FIXTURES / "real_pull_requests.jsonl.gz"
    if not asked.part and fixtures.is_file():
        pulls = by_project(pull_requests(fixtures))
        measure("pull requests (learnt from)", pulls, draws=asked.draws, show=asked.show)
    elif not asked.part:
        print(f"no shared fixtures at {FIXTURES}: their pull requests are not measured")
    for path in asked.repositories:
        commits = Repository(path, str(path)).humans(asked.most, asked.skip)
        measure(str(path), [commits], draws=asked.draws, show=asked.show)
    parts = msgspec.convert(tomllib.loads(PARTS.read_text("utf-8")), dict[str, Part])
    for name in asked.part or (parts if asked.clones else ()):
        part = parts[name]
        repositories = (
            Repository(clone(asked.clones, project), project, newest) for project, newest in part.projects.items()
        )
        projects = (one.humans(asked.most, asked.skip) for one in repositories)
        what = f"part {name} ({'learnt from' if part.learnt else 'not learnt from'})"
        measure(what, projects, draws=asked.draws, show=asked.show)


if __name__ == "__main__":
    main()
