"""Verdicts as CES gives them, whole: what a type check and a build cost against what people would do otherwise.

    .venv/bin/python bench/ces_verdicts.py [PROJECT]

PROJECT is a green dune project (default: ocaml-re, fetched by scripts/real_projects). Each round takes one module and
gives it, again and again, a text not seen before. In turn, in one run:

    typecheck   `Judge.check` up to the type check, parse, apply, tricks and cache included, against `dune build @check`
                in a warm copy, and against `ocamlc -stop-after typing` of that file; CPU time, so rates a core
    build       `Judge.check` up to the build, against copying the sources and `dune build` there; wall time, and CPU
                time, which is what counts where all cores are busy all day; and against `dune build` after such an
                edit in a warm tree in place, which is what dune and the compilers cost by themselves: the limit

Prints medians and ratios. Claims: at least 5 times dune's type checks, at least 60 % of the compiler's own rate, builds
at least 20 times as quick as a copy and a build from nothing.
"""

import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ces_fast_check import BUILDS, CHECKS, ENV, Scene, measured, spent_ms

from ces.bases import BaseSettings
from ces.builds.dune_modules import Node
from ces.change import FileChange
from ces.judge import Judge, JudgeSettings
from ces.render_diff import render
from ces.request import CheckRequest
from ces.verdict import Stage

BUILD = ("dune", "build", "--root", ".", "--display", "quiet", "@check", "@default")
NAIVE = 2


def own_ms() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return (own.ru_utime + own.ru_stime) * 1000


def request(scene: Scene, node: Node, project: Path, upto: Stage) -> CheckRequest:
    change: FileChange = scene.change(node)
    return CheckRequest(diff=render([change]), workspace=str(project), upto=upto)


async def typechecks_ms(judge: Judge, scene: Scene, node: Node, project: Path) -> float:
    requests = [request(scene, node, project, "typecheck") for _ in range(CHECKS)]  # whoever asks has the diff
    before = spent_ms()
    for each in requests:
        verdict = await judge.check(each)
        assert (verdict.status, verdict.cached) == ("green", False), verdict
    return (spent_ms() - before) / CHECKS


async def builds(judge: Judge, scene: Scene, node: Node, project: Path) -> tuple[float, float]:
    """(wall, CPU) of one build verdict, ms."""
    requests = [request(scene, node, project, "build") for _ in range(BUILDS)]
    started, before, cpu = time.monotonic(), own_ms(), 0.0
    for each in requests:
        verdict = await judge.check(each)
        assert (verdict.status, verdict.cached) == ("green", False), verdict
        cpu += verdict.cpu_ms
    return (time.monotonic() - started) * 1000 / BUILDS, (own_ms() - before + cpu) / BUILDS


def in_place(scene: Scene, node: Node) -> None:
    (scene.copy / node.source).write_bytes(scene.text(node)[1])
    subprocess.run(BUILD, cwd=scene.copy, env=ENV, check=True)


def naive(project: Path, folder: Path, node: Node, scene: Scene) -> tuple[float, float]:
    """(wall, CPU) of a copy and a build from nothing, ms."""
    started, before = time.monotonic(), spent_ms()
    copy = folder / "naive"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("_build"))
    (copy / node.source).write_bytes(scene.text(node)[1])
    subprocess.run(BUILD, cwd=copy, env=ENV, check=True)
    taken = (time.monotonic() - started) * 1000, spent_ms() - before
    shutil.rmtree(copy)
    return taken


async def main(project: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ces-verdicts") as name:
        folder = Path(name)
        scene = Scene(folder, project)
        subprocess.run(BUILD, cwd=scene.copy, env=ENV, check=True)
        judge = Judge(JudgeSettings(bases=BaseSettings(state_dir=folder / "state"), audit_share=0.0))
        rows: list[tuple[float, ...]] = []
        nothing: list[tuple[float, float]] = []
        for number, node in enumerate(scene.nodes()):
            await judge.check(request(scene, node, project, "typecheck"))
            ours = await typechecks_ms(judge, scene, node, project)
            dune = measured(BUILDS, lambda _, node=node: scene.build(node))  # type: ignore[misc]
            limit = measured(CHECKS, lambda _, node=node: scene.compile(node, "ocamlc.opt"))  # type: ignore[misc]
            wall, cpu = await builds(judge, scene, node, project)
            alone = measured(BUILDS, lambda _, node=node: in_place(scene, node))  # type: ignore[misc]
            if number < NAIVE:
                nothing.append(naive(project, folder, node, scene))
            cold = tuple(statistics.median(each[i] for each in nothing) for i in (0, 1))
            rows.append((ours, dune, limit, wall, cpu, *cold, alone))
            print(
                f"{node.source}: typecheck {ours:.1f} ms CPU, dune {dune:.0f}, ocamlc {limit:.1f}; "
                f"build {wall:.0f} ms ({cpu:.0f} CPU), in place {alone:.0f} CPU, "
                f"from nothing {cold[0]:.0f} ({cold[1]:.0f} CPU)",
                flush=True,
            )
        await judge.close()
    print(f"typecheck: {statistics.median(r[1] / r[0] for r in rows):.1f}x the rate of dune build @check (claim: 5x)")
    print(f"typecheck: {100 * statistics.median(r[2] / r[0] for r in rows):.0f} % of ocamlc's own rate (claim: 60 %)")
    wall, cpu = (statistics.median(r[cold] / r[ours] for r in rows) for cold, ours in ((5, 3), (6, 4)))
    print(f"build: {wall:.1f}x as quick as from nothing, {cpu:.1f}x the builds/s/core (claim: 20x)")
    share, most = (statistics.median(each) for each in zip(*((r[4] / r[7], r[6] / r[7]) for r in rows), strict=True))
    print(f"build: {share:.2f} of the CPU of dune build in place, which is {most:.1f}x from nothing")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        chosen = sys.argv[1]
    else:
        script = Path(__file__).parents[1] / "scripts/real_projects"
        chosen = subprocess.run([script, "ocaml-re"], capture_output=True, text=True, check=True).stdout.strip()
    asyncio.run(main(Path(chosen)))
