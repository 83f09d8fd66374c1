"""Whether the fast path for OCaml tells the truth: its verdicts against dune's, over diffs made by chance.

    .venv/bin/python bench/ces_truth.py [--count N] [--seed S] [--cold] [PROJECT ...]

PROJECTs are directories of green dune projects (default: those of scripts/real_projects). Each of N diffs (see
_ocaml_mutations.py) is judged by `OcamlFast.check` and by dune's own type check, `dune build @check` and what that lets
through of cycles, in a copy: built from nothing with --cold, incrementally without. Prints every disagreement, then the
counts: false greens, false reds, the share of unsure. Exit 1 on a disagreement.
"""

import argparse
import asyncio
import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _ocaml_mutations import mutate

from ces import process
from ces.builds import dune_rules
from ces.builds.adapter import BuildSettings
from ces.builds.dune import Dune
from ces.builds.ocaml_fast import Fast, OcamlFast, Unsure
from ces.change import FileChange

ENV = {**os.environ, "DUNE_CACHE": "disabled"}
BUILD = ("dune", "build", "--root", ".", "--display", "quiet", "@check", "@default")


def lay(root: Path, changes: Sequence[FileChange], *, back: bool) -> None:
    for change in changes:
        paths = [(change.path, change.before if back and change.old_path is None else None if back else change.after)]
        if change.old_path is not None:
            paths.append((change.old_path, change.before if back else None))
        for path, content in paths:
            if content is None:
                (root / path).unlink(missing_ok=True)
            else:
                (root / path).write_bytes(content)


def dune(root: Path, changes: Sequence[FileChange], *, cold: bool) -> tuple[str, str]:
    lay(root, changes, back=False)
    if cold:
        shutil.rmtree(root / "_build")
    said = ""
    for step in Dune().steps(root, BuildSettings(upto="typecheck")):
        ran = subprocess.run(step.argv, cwd=root, env=ENV | step.env, capture_output=True, check=False)
        said += (ran.stdout + ran.stderr).decode("utf-8", "replace")
        if ran.returncode:
            break
    lay(root, changes, back=True)
    return "red" if ran.returncode else "green", said


async def run_ppx(driver: Path, argv: Sequence[str], directory: Path, timeout_s: float) -> process.Finished:
    return await process.run(argv, directory, process.build_environment(), timeout_s)  # trusted: people's releases


async def judge(
    project: Path, count: int, chance: random.Random, cold: bool, tally: "collections.Counter[str]"
) -> None:
    with tempfile.TemporaryDirectory(prefix="ces-truth") as made:
        base, copy = Path(made) / "base", Path(made) / "copy"
        shutil.copytree(project, base, ignore=shutil.ignore_patterns("_build"))
        subprocess.run(BUILD, cwd=base, env=ENV, check=True)
        rules = subprocess.run(dune_rules.ARGV, cwd=base, env=ENV, check=True, capture_output=True).stdout
        shutil.copytree(base, copy, symlinks=True)
        fast = await OcamlFast.start(base, base / "_build", rules.decode("utf-8", "replace"), run_ppx)
        if isinstance(fast, Unsure):
            print(f"{project.name}: unsure of all: {fast.reason}")
            tally["unsure"] += count
            return
        try:
            await _compare(project.name, fast, (base, copy, cold), count, chance, tally)
        finally:
            await fast.close()


async def _compare(
    name: str,
    fast: OcamlFast,
    trees: tuple[Path, Path, bool],
    count: int,
    chance: random.Random,
    tally: "collections.Counter[str]",
) -> None:
    base, copy, cold = trees
    done = 0
    while done < count:
        drawn = mutate(base, chance)
        if drawn is None:
            continue
        kind, changes = drawn
        done += 1
        found = await fast.check(changes, 60.0)
        truth, said = await asyncio.to_thread(dune, copy, changes, cold=cold)
        tally[f"dune {truth}"] += 1
        tally[found.status] += 1
        tally["cascade"] += found.checked > 1
        tally["structural"] += "removed" in kind or kind == "renamed" or "added" in kind
        if found.status == "unsure":
            tally[f"  unsure: {_sort(found.reason or '')}"] += 1
        elif found.status != truth:
            tally[f"false {found.status}"] += 1
            _show(name, kind, changes, found, said)


def _sort(reason: str) -> str:
    return " ".join(word for word in reason.split() if "/" not in word and "." not in word)


def _show(name: str, kind: str, changes: Sequence[FileChange], found: Fast, said: str) -> None:
    named = [change.path for change in changes]
    print(f"--- {name}, {kind}, {named}: {found.status}\n{found.output}\n... dune:\n{said}", flush=True)
    for change in changes:
        with tempfile.NamedTemporaryFile() as old, tempfile.NamedTemporaryFile() as new:
            Path(old.name).write_bytes(change.before or b"")
            Path(new.name).write_bytes(change.after or b"")
            print(
                subprocess.run(["diff", "-u", old.name, new.name], capture_output=True, text=True, check=False).stdout
            )


def projects() -> list[Path]:
    script = Path(__file__).parents[1] / "scripts/real_projects"
    return [Path(line) for line in subprocess.run(script, capture_output=True, text=True, check=False).stdout.split()]


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("projects", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cold", action="store_true")
    asked = parser.parse_args()
    chosen = asked.projects or projects()
    tally: collections.Counter[str] = collections.Counter()
    for number, project in enumerate(chosen):
        share = asked.count // len(chosen) + (number < asked.count % len(chosen))
        await judge(project, share, random.Random(f"{asked.seed} {project.name}"), asked.cold, tally)
        print(f"{project.name}: {share} diffs; so far {dict(tally)}", flush=True)
    for what, number in sorted(tally.items()):
        print(f"{what}: {number}")
    wrong = tally["false green"] + tally["false red"]
    sure = tally["green"] + tally["red"]
    print(
        f"{sure + tally['unsure']} diffs: {tally['false green']} false green, {tally['false red']} false red, "
        f"{100 * tally['unsure'] / max(1, sure + tally['unsure']):.1f} % unsure"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
