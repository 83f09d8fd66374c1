"""What a check costs: `Checker.check` on a warm OCaml workspace, against copying it and building from nothing.

    .venv/bin/python bench/ces_check.py [MODULES]

Each round changes one module of a dune project to a text not seen before and asks for the verdict up to the type check,
as `Checker` gives it (overlay on the warm base) and as `cp -a` of the sources plus `dune build @check` does. Prints
medians in milliseconds, the ratio, and what the sandbox alone costs. Then, for a change that doesn't type-check, when
it is known to be red: with the quick checker, and without.
"""

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from ces import isolation, process, workspace
from ces.builds.adapter import BuildSettings
from ces.change import FileChange
from ces.check import Checker
from ces.fingerprint import Fingerprint

ROUNDS = 7


def project(root: Path, modules: int) -> None:
    (root / "lib").mkdir(parents=True)
    (root / "dune-project").write_text("(lang dune 2.0)\n")
    (root / "lib/dune").write_text("(library (name lib))\n")
    for number in range(modules):
        below = f"M{number // 2}.f0 x" if number else "x"
        body = "".join(f"let f{n} x = x + {n}\n" for n in range(1, 20))
        (root / f"lib/m{number}.ml").write_text(f"let f0 x = {below} + 1\n{body}")


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.monotonic()
    await work()
    return (time.monotonic() - started) * 1000


async def naive(root: Path, change: FileChange, into: Path) -> None:
    def build() -> None:
        shutil.copytree(root, into)
        (into / change.path).write_bytes(change.after or b"")
        subprocess.run(["dune", "build", "--root", ".", "@check"], cwd=into, check=True, capture_output=True)
        shutil.rmtree(into)

    await asyncio.to_thread(build)


async def sandbox(root: Path, state: Path, found: isolation.Isolation) -> float:
    views = await asyncio.to_thread(workspace.make, root, state, found, ("_build",))
    tree = Fingerprint(root, ("_build",))
    tree.look()
    views.sync(tree)
    spent = []
    for _ in range(ROUNDS):
        place = views.open([])
        spent.append(
            await timed(lambda: isolation.run(found, place, ("true",), process.build_environment(), 10.0))  # noqa: B023
        )
        views.close(place)
    return statistics.median(spent)


async def red(checker: Checker, change: FileChange, *, early: bool) -> float:
    """How long until the change is known to be red."""
    started = time.monotonic()
    known: list[float] = []
    on_red = (lambda _: known.append(time.monotonic())) if early else None
    verdict = await checker.check([change], budget_s=120, on_red=on_red)
    assert verdict.status == "red"
    return ((known or [time.monotonic()])[0] - started) * 1000


async def reds(checker: Checker, path: str, before: bytes) -> None:
    """In turn with the quick checker and without; every text is a new one, the first warms what it asks."""
    with_quick, without = [], []
    for number in range(ROUNDS + 1):
        for spent, early in ((with_quick, True), (without, False)):
            text = before + f'let fresh = {number} + "{early}"\n'.encode()
            spent.append(await red(checker, FileChange(path=path, before=before, after=text), early=early))
            await checker.settled()
    quick, dune = statistics.median(with_quick[1:]), statistics.median(without[1:])
    print(f"red is known after {quick:.0f} ms with the quick checker, {dune:.0f} ms without: {dune / quick:.1f}x")
    print(f"early words: {checker.early_count}")


async def main(modules: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ces-bench"))
    root = folder / "project"
    project(root, modules)
    checker = Checker(root, BuildSettings(upto="typecheck"), folder / "state")
    print(f"isolation: {await checker.isolation()}")
    print(f"first build of {modules} modules: {await timed(checker.status):.0f} ms")
    print(f"status again: {await timed(checker.status):.1f} ms")
    print(f"to be ready for early words, in the background: {await timed(checker.settled):.0f} ms")
    ours, theirs = [], []
    path = f"lib/m{modules - 1}.ml"
    before = (root / path).read_bytes()
    for number in range(ROUNDS):
        change = FileChange(path=path, before=before, after=before + f"let fresh = {number}\n".encode())
        ours.append(await timed(lambda: checker.check([change], budget_s=120)))  # noqa: B023
        theirs.append(await timed(lambda: naive(root, change, folder / "copy")))  # noqa: B023
    await reds(checker, path, before)
    found = await checker.isolation()
    assert found is not None
    await checker.close()
    print(f"sandbox alone: {await sandbox(root, folder / 'alone', found):.0f} ms")
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(f"check {mine:.0f} ms, copy and build {peer:.0f} ms: {peer / mine:.1f}x")
    shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
