"""The fast path for OCaml: what `dune build @check` would say of a change, without dune.

`OcamlFast.start` takes a dune tree that is built and green, with what `dune rules` says of it, and stays ready; `check`
type-checks the changed modules, each as ocamlc would with its own options, and where an interface changed the modules
that use it. Where it can't know what dune would say, it says `unsure` with the reason and the caller asks dune. Green
means "@check is green", and that no implementations need each other in a circle, through interfaces too, which dune 2
says only where it links; link errors are dune's. Runs none of the project's code, save a ppx driver of the base (or
cppo), and that only through the `run_ppx` it is given.
"""

import asyncio
import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from ces.builds import dune_copies, dune_links, dune_rules, ocaml_checker, ocaml_plan
from ces.builds.dune_modules import Modules, Node, learn
from ces.builds.ocaml_cascade import Cascade, Outcome, RunPpx
from ces.builds.ocaml_graph import Graph
from ces.builds.ocaml_server import Server, ServerDied
from ces.change import FileChange
from ces.process import build_environment
from ces.scratch import Scratch

MEMORY_MIB = 4096
SERVERS = 16
LEARNING_TIMEOUT_S = 60.0


class Unsure(msgspec.Struct, frozen=True):
    """Why dune has to be asked."""

    reason: str


class Fast(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `output` is what ocamlc would print, for `ces.builds.dune_output`; `checked` counts compilations.

    `stage` is that of the first error, "typecheck" when green, None when unsure. `cpu_ms` counts the checking processes
    and the preprocessors, not the caller's own process.
    """

    status: Literal["green", "red", "unsure"]
    stage: Literal["parse", "typecheck"] | None = None
    output: str = ""
    reason: str | None = None
    checked: int = 0
    cpu_ms: float = 0.0


class OcamlFast:
    """Ready for one base. Checks may run at the same time."""

    def __init__(
        self, base_tree: Path, build_dir: Path, checker: Path, graph: Graph, run_ppx: RunPpx | None, scratch: Scratch
    ) -> None:
        """Use `start`."""
        self._tree = base_tree
        self._context = build_dir / "default"
        self._checker = checker
        self._graph = graph
        self._run_ppx = run_ppx
        self._servers: dict[tuple[str, ...], Server] = {}
        self._scratch = scratch
        self._numbers = itertools.count()

    @classmethod
    async def start(
        cls, base_tree: Path, build_dir: Path, rules: str, run_ppx: RunPpx | None = None
    ) -> "OcamlFast | Unsure":
        """Learn a base: `base_tree` with its `build_dir` (`_build`), which must not change from now on.

        `rules` is what `ces.builds.dune_rules.ARGV` printed there. Without `run_ppx` changes to preprocessed modules
        are unsure. Builds the checker when this machine has none yet for the compiler the base was built with.
        """
        modules = await asyncio.to_thread(_learnt, rules)
        if isinstance(modules, str):
            return Unsure(modules)
        copied_from = await asyncio.to_thread(dune_copies.directories, base_tree, build_dir.name)
        modules = msgspec.structs.replace(modules, copied_from=copied_from)
        modules = await asyncio.to_thread(dune_links.with_links, modules, base_tree)
        if len(modules.compilers) != 1:
            return Unsure("no module is compiled, or with more than one compiler")
        checker = await asyncio.to_thread(ocaml_checker.build, *modules.compilers)
        if isinstance(checker, str):
            return Unsure(checker)
        imports = await _imports(checker, build_dir / "default", list(modules.nodes))
        if imports is None:
            return Unsure("the base's objects can't be read: is it built?")
        graph = await asyncio.to_thread(Graph, modules, imports)
        scratch = await asyncio.to_thread(Scratch, "ocaml_fast")
        return cls(base_tree, build_dir, checker, graph, run_ppx, scratch)

    async def check(self, changes: Sequence[FileChange], timeout_s: float) -> Fast:
        """What `dune build @check` would say of the base with `changes`. Never raises, save when cancelled."""
        plan = ocaml_plan.plan(self._graph.modules, self._graph.by_source, changes, self._read_dune)
        if isinstance(plan, str):
            return Fast(status="unsure", reason=plan)
        scratch = self._scratch.path / str(next(self._numbers))
        try:
            async with asyncio.timeout(timeout_s):
                cascade = Cascade(self._graph, plan, scratch, self._ask, timeout_s)
                outcome = await cascade.run(self._run_ppx, self._context)
        except (TimeoutError, ServerDied) as error:
            return Fast(status="unsure", reason=str(error) or "time is over")
        finally:
            if scratch.exists():
                await asyncio.to_thread(shutil.rmtree, scratch, True)
        return _answer(outcome)

    async def close(self) -> None:
        for server in self._servers.values():
            await server.close()
        await asyncio.to_thread(self._scratch.close)

    def server_pids(self) -> list[int]:
        """The checking processes that are running, for whoever accounts for them."""
        return [server.pid for server in self._servers.values() if server.pid is not None]

    async def _ask(self, node: Node, message: list[tuple[str, bytes]], timeout_s: float) -> dict[str, bytes]:
        server = self._servers.get(node.options)
        if server is None:
            await self._make_room()
            server = Server(self._checker, node.options, self._context, MEMORY_MIB, self._graph.names)
            server = self._servers.setdefault(node.options, server)
        return await server.ask(message, timeout_s, self._graph.warm_up(node.options))

    async def _make_room(self) -> None:
        while len(self._servers) >= SERVERS:
            idle = [options for options, server in self._servers.items() if server.idle]
            if not idle:
                return
            oldest = min(idle, key=lambda options: self._servers[options].used_at)
            await self._servers.pop(oldest).close()

    def _read_dune(self, directory: str) -> str | None:
        try:
            return (self._tree / directory / "dune").read_text("utf-8", "replace")
        except OSError:
            return None


def _learnt(rules: str) -> Modules | str:
    try:
        return learn(dune_rules.parse(rules))
    except ValueError as error:
        return f"dune's rules can't be read: {error}"


def _answer(outcome: Outcome) -> Fast:
    if outcome.reason is not None:
        return Fast(status="unsure", reason=outcome.reason, checked=outcome.checked, cpu_ms=outcome.cpu_ms)
    return Fast(
        status="red" if outcome.red else "green",
        stage="typecheck" if outcome.parsed else "parse",
        output=outcome.output,
        checked=outcome.checked,
        cpu_ms=outcome.cpu_ms,
    )


async def _imports(checker: Path, context: Path, objects: Sequence[str]) -> dict[str, tuple[str, ...]] | None:
    """object -> the units whose interfaces were read to make it."""
    process = await asyncio.create_subprocess_exec(
        str(checker),
        "imports",
        cwd=context,
        env=build_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LEARNING_TIMEOUT_S):
            output, _ = await process.communicate("".join(f"{path}\n" for path in objects).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    if process.returncode != 0:
        return None
    lines = (line.partition("\t") for line in output.decode("utf-8", "replace").splitlines())
    return {path: tuple(units.split()) for path, _, units in lines}
