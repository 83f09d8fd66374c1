"""What a type-check verdict costs: `OcamlFast.check` against dune in a warm copy, and against the compiler alone.

    .venv/bin/python bench/ces_fast_check.py [PROJECT]

PROJECT is a green dune project (default: ocaml-re, fetched by scripts/real_projects). Each round takes one module that
has an interface and gives it, again and again, a text not seen before; in turn come the fast path, `dune build @check`
in a warm copy, and `ocamlc -stop-after typing` of that file with every interface ready. All figures are CPU time, of
this process too: rates a core. Prints the medians over the rounds and the two ratios.
"""

import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from ces.builds import dune_rules
from ces.builds.dune_modules import Node, learn
from ces.builds.ocaml_fast import OcamlFast, Unsure
from ces.change import FileChange

ROUNDS = 9
CHECKS = 20
BUILDS = 4
ENV = {**os.environ, "DUNE_CACHE": "disabled"}
CHECK = ("dune", "build", "--root", ".", "--display", "quiet", "@check")


def spent_ms() -> float:
    """CPU so far of this process, its living children and theirs, and all that have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total * 1000


def measured(times: int, work: Callable[[int], None]) -> float:
    """CPU of one, in milliseconds."""
    before = spent_ms()
    for number in range(times):
        work(number)
    return (spent_ms() - before) / times


class Scene:
    def __init__(self, folder: Path, project: Path) -> None:
        self.base, self.copy, self.scratch = folder / "base", folder / "copy", folder / "scratch"
        shutil.copytree(project, self.base, ignore=shutil.ignore_patterns("_build"))
        subprocess.run(CHECK, cwd=self.base, env=ENV, check=True)
        shutil.copytree(self.base, self.copy, symlinks=True)
        self.rules = subprocess.run(
            dune_rules.ARGV, cwd=self.base, env=ENV, check=True, capture_output=True
        ).stdout.decode("utf-8", "replace")
        self.fresh = 0

    def nodes(self) -> list[Node]:
        modules = learn(dune_rules.parse(self.rules))
        assert not isinstance(modules, str), modules
        found = [node for node in modules.nodes.values() if not node.makes_cmi and (self.base / node.source).is_file()]
        found.sort(key=lambda node: (self.base / node.source).stat().st_size)
        return found[:: max(1, len(found) // ROUNDS)][-ROUNDS:]

    def text(self, node: Node) -> tuple[bytes, bytes]:
        self.fresh += 1
        before = (self.base / node.source).read_bytes()
        return before, before + f"\nlet _ = {self.fresh}\n".encode()

    def compile(self, node: Node, compiler: str) -> None:
        source = self.scratch / node.source
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(self.text(node)[1])
        words = [compiler, *node.options, "-intf-suffix", ".ml", "-stop-after", "typing", "-c", "-impl", str(source)]
        out = str(self.scratch / node.prefix.rpartition("/")[2]) + ".cmo"
        subprocess.run([*words, "-o", out], cwd=self.base / "_build/default", env=ENV, check=True)

    def build(self, node: Node) -> None:
        (self.copy / node.source).write_bytes(self.text(node)[1])
        subprocess.run(CHECK, cwd=self.copy, env=ENV, check=True)

    def change(self, node: Node) -> FileChange:
        before, after = self.text(node)
        return FileChange(path=node.source, before=before, after=after)


async def fast_ms(scene: Scene, fast: OcamlFast, node: Node) -> float:
    before = spent_ms()
    for _ in range(CHECKS):
        found = await fast.check([scene.change(node)], 60.0)
        assert found.status == "green", found
    return (spent_ms() - before) / CHECKS


async def main(project: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ces-fast") as folder:
        scene = Scene(Path(folder), project)
        fast = await OcamlFast.start(scene.base, scene.base / "_build", scene.rules)
        assert not isinstance(fast, Unsure), fast
        rows: list[tuple[float, float, float]] = []
        for node in scene.nodes():
            await fast.check([scene.change(node)], 60.0)  # starts and warms the server of these options
            ours = await fast_ms(scene, fast, node)
            dune = measured(BUILDS, lambda _, node=node: scene.build(node))  # type: ignore[misc]
            limit = measured(CHECKS, lambda _, node=node: scene.compile(node, "ocamlc.opt"))  # type: ignore[misc]
            lines = (scene.base / node.source).read_bytes().count(b"\n")
            print(
                f"{node.source} ({lines} lines): fast {ours:.1f} ms, dune {dune:.0f} ms, ocamlc {limit:.1f} ms",
                flush=True,
            )
            rows.append((ours, dune, limit))
        await fast.close()
    against_dune = statistics.median(dune / ours for ours, dune, _ in rows)
    of_limit = statistics.median(limit / ours for ours, _, limit in rows)
    print(f"against dune build @check in a warm copy: {against_dune:.1f}x the checks/s/core")
    print(f"of the rate of ocamlc -stop-after typing: {100 * of_limit:.0f} %")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        chosen = sys.argv[1]
    else:
        script = Path(__file__).parents[1] / "scripts/real_projects"
        chosen = subprocess.run([script, "ocaml-re"], capture_output=True, text=True, check=True).stdout.strip()
    asyncio.run(main(Path(chosen)))
