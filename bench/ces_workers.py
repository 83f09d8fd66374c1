"""What a second worker brings: builds of one real dune project by one worker and by two, through the service, in turn.

    .venv/bin/python bench/ces_workers.py [PROJECT] [--edits N] [--rounds N] [--upto STAGE]    (ocaml-re, 10, 3, build)

Every diff is a new line at the end of a module that others use, none seen before, up to the build: dune's own work,
with `-j 1`, so that one worker keeps one processor busy and not two. Client and service need processor time as well,
which a single worker leaves them on the second processor and two do not: the table says how much that is.

    efficiency    verdicts/s of two workers / (2 x those of one)
    others        processors that something else than this kept busy meanwhile: above 0.1 the figure says little
    ours          CPU time of service and client a verdict; builds: that of the builds
    bound         builds / (builds + ours): the most that two workers on two processors can reach

The bar is 85 % on two idle processors. scripts/real_projects fetches the project.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil

from ces.bases import BaseSettings
from ces.judge import JudgeSettings
from ces.request import CheckRequest
from ces.service.client import CesClient
from ces.service.serve import Address, run
from ces.service.settings import ServiceSettings
from ces.verdict import Stage

MODULES = {"ocaml-re": "lib/group.ml", "ocamlgraph": "src/path.ml"}
# dune's own parallelism would make of one worker two.
ONE_JOB = """#!/bin/sh
case $1 in build|test|rules) exec {dune} "$@" -j 1 ;; *) exec {dune} "$@" ;; esac
"""


class Spent(msgspec.Struct):
    """Of one configuration, over all rounds, in seconds."""

    verdicts: int = 0
    wall_s: float = 0.0
    builds_s: float = 0.0
    service_s: float = 0.0
    client_s: float = 0.0
    busy_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.verdicts / self.wall_s

    @property
    def ours_s(self) -> float:
        return self.service_s + self.client_s


async def serving(state_dir: Path, workers: int) -> int:
    judge = JudgeSettings(bases=BaseSettings(state_dir=state_dir), workers=workers)
    chosen = ServiceSettings(judge=judge, port=0, open_to_all=True)
    return await run(chosen, lambda address: print(msgspec.json.encode(address).decode(), flush=True))


@contextlib.asynccontextmanager
async def service(folder: Path, workers: int) -> AsyncIterator[tuple[psutil.Process, CesClient]]:
    words = [sys.executable, __file__, "serve", str(folder / str(workers)), str(workers)]
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    served = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PATH": path}
    )
    assert served.stdout is not None
    try:
        address = msgspec.json.decode(await served.stdout.readline(), type=Address)
        async with CesClient(str(address.url)) as client:
            yield psutil.Process(address.pid), client
    finally:
        served.terminate()
        await served.wait()


def edit(root: Path, path: str, name: str, upto: Stage) -> CheckRequest:
    lines = (root / path).read_text().splitlines()
    head = f"--- a/{path}\n+++ b/{path}\n@@ -{len(lines)} +{len(lines)},2 @@\n {lines[-1]}\n"
    return CheckRequest(diff=f'{head}+let _{name} = "{name}"\n', workspace=str(root), upto=upto)


def busy_s() -> float:
    """Processor time that was not idle, of the whole machine, since it started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - getattr(times, "guest", 0.0))


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def measured(served: psutil.Process, client: CesClient, work: list[CheckRequest], spent: Spent) -> None:
    client_process = psutil.Process()
    before = cpu_s(served), cpu_s(client_process), busy_s()
    started = time.monotonic()
    verdicts = await client.evaluate(work)
    spent.wall_s += time.monotonic() - started
    spent.service_s += cpu_s(served) - before[0]
    spent.client_s += cpu_s(client_process) - before[1]
    spent.busy_s += busy_s() - before[2]
    spent.builds_s += sum(verdict.cpu_ms for verdict in verdicts) / 1000
    spent.verdicts += len(verdicts)
    said = Counter((verdict.status, verdict.cached) for verdict in verdicts)
    assert said == {("green", False): len(work)}, said


def told(workers: int, spent: Spent) -> str:
    each = 1000 / spent.verdicts
    others = max(spent.busy_s - spent.builds_s - spent.ours_s, 0.0) / spent.wall_s
    return (
        f"{workers} worker{'s' if workers > 1 else ' '}: {spent.rate:5.2f} verdicts/s; CPU of a verdict: builds "
        f"{spent.builds_s * each:.0f} ms, service {spent.service_s * each:.0f}, client {spent.client_s * each:.0f}; "
        f"others {others:.2f} processors"
    )


async def compared(root: Path, path: str, asked: argparse.Namespace, folder: Path) -> None:
    spent = {1: Spent(), 2: Spent()}
    async with service(folder, 1) as one, service(folder, 2) as two:
        for workers, (_, client) in ((1, one), (2, two)):
            await client.evaluate([edit(root, path, f"warm{workers}_{number}", asked.upto) for number in range(2)])
        for number in range(asked.rounds):  # in turn: what else the machine does falls on both alike
            for workers, (process, client) in ((1, one), (2, two)):
                work = [edit(root, path, f"edit{workers}_{number}_{each}", asked.upto) for each in range(asked.edits)]
                await measured(process, client, work, spent[workers])
    for workers, each in spent.items():
        print(told(workers, each))
    bound = spent[2].builds_s / (spent[2].builds_s + spent[2].ours_s)
    print(
        f"efficiency of the second worker: {spent[2].rate / (2 * spent[1].rate):.0%} (bar 85 %), bound {bound:.0%}; "
        f"{psutil.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", nargs="?", choices=MODULES, default="ocaml-re")
    parser.add_argument("--edits", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--upto", choices=("typecheck", "build", "test"), default="build")
    asked = parser.parse_args()
    dune = shutil.which("dune")
    if dune is None or shutil.which("ocamlc") is None:
        sys.exit("left out: needs dune and ocaml ('apt-get install ocaml-dune ocaml')")
    script = Path(__file__).parents[1] / "scripts/real_projects"
    root = Path(subprocess.run([script, asked.project], capture_output=True, text=True, check=True).stdout.split()[0])
    folder = Path(tempfile.mkdtemp(prefix="ces-workers-bench"))
    try:
        (folder / "bin").mkdir()
        (folder / "bin" / "dune").write_text(ONE_JOB.format(dune=dune))
        (folder / "bin" / "dune").chmod(0o755)
        asyncio.run(compared(root, MODULES[asked.project], asked, folder))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        sys.exit(asyncio.run(serving(Path(sys.argv[2]), int(sys.argv[3]))))
    main()
