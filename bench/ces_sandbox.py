"""What a sandbox costs a command: `true` in each kind of isolation, against a plain exec and against bare bubblewrap.

CPU time is of everything: this process, the spawner, the sandbox and the command. It comes from a control group that
the benchmark puts itself into; without one it is left out. Kinds take turns, so that a busy machine is busy for all.

    python bench/ces_sandbox.py [--rounds N]
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from ces import cgroups, isolation, process, workspace
from ces.fingerprint import Fingerprint
from ces.isolation import KINDS
from ces.limits import Limits

Command = Callable[[], Awaitable[float]]
"""Runs one; gives the CPU milliseconds that were spent in control groups other than the benchmark's."""
BARE = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]


async def plain() -> float:
    subprocess.run(["true"], check=True)
    return 0.0


async def bare() -> float:
    subprocess.run(BARE, check=True)
    return 0.0


async def in_kinds(root: Path, state: Path) -> dict[str, Command]:
    commands: dict[str, Command] = {}
    env = process.build_environment()
    for kind in KINDS:
        directory = state / kind
        directory.mkdir()
        found = await isolation.probe(root, directory, (kind,))
        if found.kind != kind:
            print(f"{kind} doesn't work here: {'; '.join(found.notes)}")
            continue
        views = workspace.make(root, directory, found, ["_build"])
        tree = Fingerprint(root, ["_build"])
        tree.look()
        views.sync(tree)
        place = views.open_base()

        async def command(found: isolation.Isolation = found, place: isolation.Place = place) -> float:
            ended = await isolation.run(found, place, ["true"], env, 60)
            return ended.cpu_ms if cgroups.find() is not None else 0.0

        commands[kind] = command
    return commands


async def main(rounds: int) -> None:
    hierarchy = cgroups.find()
    group = None if hierarchy is None else hierarchy.open(Limits())
    for entrance in group.entrances if group is not None else ():
        entrance.write_text("0")

    def cpu_ms() -> float:
        return ((group.counted().cpu_s if group is not None else None) or 0.0) * 1000

    with tempfile.TemporaryDirectory() as made:
        root, state = Path(made, "work"), Path(made, "state")
        (root / "_build").mkdir(parents=True)
        state.mkdir()
        commands: dict[str, Command] = {"plain exec": plain}
        if shutil.which("bwrap"):
            commands["bare bwrap"] = bare
        commands |= await in_kinds(root, state)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                started, used_ms = time.perf_counter(), cpu_ms()
                elsewhere_ms = await command()
                wall_ms = (time.perf_counter() - started) * 1000
                taken[name].append((wall_ms, cpu_ms() - used_ms + elsewhere_ms))
    report(taken)
    for entrance in group.entrances if group is not None else ():  # out again, or it could not be removed
        (entrance.parent.parent / "cgroup.procs").write_text(str(os.getpid()))
    process.SPAWNER.close()
    while group is not None and any(entrance.exists() for entrance in group.entrances):
        group.close()  # as soon as the spawner is gone
        await asyncio.sleep(0.01)


def report(taken: dict[str, list[tuple[float, float]]]) -> None:
    walls = {name: statistics.median(wall for wall, _ in each) for name, each in taken.items()}
    cpus = {name: statistics.median(cpu for _, cpu in each) for name, each in taken.items()}
    print(f"{'':12}{'wall ms':>10}{'CPU ms':>10}{'CPU / plain':>14}{'CPU / bare bwrap':>18}")
    for name, wall in walls.items():
        ratios = [cpus[name] / cpus[peer] if cpus.get(peer) else 0.0 for peer in ("plain exec", "bare bwrap")]
        print(f"{name:12}{wall:10.1f}{cpus[name]:10.1f}{ratios[0]:14.1f}{ratios[1]:18.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    asyncio.run(main(parser.parse_args().rounds))
