"""One check: the changed modules, then, where an interface changed, those that use it, until nothing more changes.

Takes a plan and asks checkers, one module a question, independent ones at the same time. New interfaces are written
to a scratch directory that comes before the base's own; the base is never written to.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NoReturn

import msgspec

from ces.builds import ocaml_circle
from ces.builds.dune_modules import Node, Preprocessor
from ces.builds.ocaml_graph import Graph, fields, hidden
from ces.builds.ocaml_plan import DUMPED, Plan, Text, read_elsewhere
from ces.builds.ocaml_server import words
from ces.process import Finished

Ask = Callable[[Node, list[tuple[str, bytes]], float], Awaitable[dict[str, bytes]]]
_PRINT = ("/bin/sh", "-c", 'exec "$@" >"$0"')  # what it has to say besides stays apart
RunPpx = Callable[[Path, Sequence[str], Path, float], Awaitable[Finished]]
"""(driver, argv, directory it may write in, seconds) -> how it ended. The driver is untrusted: the sandbox is here."""


class Outcome(msgspec.Struct, kw_only=True):
    """How a check ended: `reason` says why it couldn't be known, `parsed` is False when a red is a syntax error."""

    red: bool = False
    parsed: bool = True
    output: str = ""
    reason: str | None = None
    checked: int = 0
    cpu_ms: float = 0.0


class _Ended(Exception):
    """The outcome is known before everything was looked at."""


class Cascade:
    def __init__(self, graph: Graph, plan: Plan, scratch: Path, ask: Ask, timeout_s: float) -> None:
        """`scratch` doesn't exist yet; it is made when something has to be written; the caller removes it."""
        self._graph = graph
        self._plan = plan
        self._scratch = scratch
        self._ask = ask
        self._until = time.monotonic() + timeout_s
        self._texts: dict[str, Text] = dict(plan.texts)
        self._originals: dict[str, bytes] = {}
        self._runs = itertools.count()
        self._names: dict[str, frozenset[str]] = {}
        self._changed: set[str] = set()
        self._done: set[str] = set()
        self._places: dict[str, Path] = {}
        self._instead: dict[str, Path] = {}
        self._renaming: set[str] = set()
        self._outcome = Outcome()

    async def run(self, run_ppx: RunPpx | None, context: Path) -> Outcome:
        """`context` is the build context's directory. Raises ServerDied and TimeoutError of what it asks."""
        try:
            await self._preprocess(run_ppx, context)
            if self._plan.gone:
                await asyncio.to_thread(self._hide_gone, context)
            await self._check_all()
            await self._no_circle(context)
        except _Ended:
            pass
        if self._plan.gone and self._outcome.red and self._outcome.parsed:
            # Without it the name may mean a module of another library, as Str does that of the compiler's own.
            self._outcome.reason = self._outcome.reason or "a module is gone: its name may mean another one now"
        return self._outcome

    async def _check_all(self) -> None:
        dirty = [self._plan.nodes[key] for key in (*self._plan.texts, *self._plan.again)]
        if len(dirty) == 1 and not self._plan.renamed and not self._plan.gone:
            await self._check([dirty[0]])
            if dirty[0].key in self._names:
                self._no_new_cycle(dirty[0])
            if not self._changed:
                return
        elif dirty:
            await self._parse([node for node in dirty if node.key in self._texts])
        if dirty or self._plan.gone:
            await self._follow({node.key for node in dirty})

    async def _follow(self, dirty: set[str]) -> None:
        """Check what is dirty or uses what changed, each after what it needs."""
        named = self._renaming = await self._naming_the_renamed()
        sorter = TopologicalSorter({key: self._before(node, dirty | named) for key, node in self._plan.nodes.items()})
        try:
            sorter.prepare()
        except CycleError:
            self._unsure("modules depend on each other in a circle")
        while sorter.is_active():
            ready = sorter.get_ready()
            due = [key for key in ready if key not in self._done and (key in dirty | named or self._uses_changed(key))]
            await self._check([self._plan.nodes[key] for key in due])
            sorter.done(*ready)

    def _before(self, node: Node, open_to_all: set[str]) -> set[str]:
        """The compilations that come before this one; for those `open_to_all`, all that it may come to read too."""
        graph, nodes = self._graph, self._plan.nodes.values()
        needed = set() if node.key in self._plan.texts else graph.needed(node.key)
        if node.key in open_to_all:
            names = self._names.get(node.key) or graph.names.get(node.key, frozenset())
            elsewhere = set(graph.dirs(node.options)) - {node.objects}
            needed |= {other.cmi for other in nodes if other.objects in elsewhere and other.makes_cmi}
            needed |= {
                other.cmi
                for other in nodes
                if other.objects == node.objects and (other.module in names or other.generated)
            }
        if node.makes_cmi:
            needed.discard(node.cmi)
        else:
            needed.add(node.cmi)
        return {key for key in map(self._maker, needed) if key is not None and key != node.key}

    def _maker(self, cmi: str) -> str | None:
        """What makes a .cmi now: its interface, else its implementation."""
        prefix = cmi.removesuffix(".cmi")
        return next((key for key in (cmi, f"{prefix}.cmo") if key in self._plan.nodes), None)

    def _uses_changed(self, key: str) -> bool:
        node = self._plan.nodes[key]
        seen = {*self._graph.reads.get(key, ()), *(() if node.makes_cmi else (node.cmi,))}
        return not seen.isdisjoint(self._changed | self._plan.gone)

    async def _naming_the_renamed(self) -> set[str]:
        """What names a module that came or went where it looks for modules: another may have had that name."""
        renamed = self._plan.renamed
        asked: dict[str, set[str]] = {}
        for node in self._plan.nodes.values():
            names = {name for each in self._graph.dirs(node.options) for name in renamed.get(each, ())}
            if names and not node.generated:
                asked[node.key] = names
        named = await self._names_of([self._plan.nodes[key] for key in asked])
        return {key for key, has in zip(asked, named, strict=True) if asked[key] & has}

    async def _names_of(self, nodes: Sequence[Node]) -> list[frozenset[str]]:
        """What each names; what the base's text does is remembered."""
        known = self._graph.names
        unknown = [node for node in nodes if node.key not in known and node.key not in self._names]
        await self._parse(unknown)
        known.update({node.key: self._names[node.key] for node in unknown})
        return [self._names[node.key] if node.key in self._names else known[node.key] for node in nodes]

    # --- asking ---

    async def _parse(self, nodes: Sequence[Node]) -> None:
        replies = await self._asked(nodes, [("only_parse", b"1")])
        for node, reply in zip(nodes, replies, strict=True):
            self._names[node.key] = words(reply["names"])
            self._not_itself(node)

    async def _check(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if read_elsewhere(self._graph.modules, node):
                self._unsure(f"{node.source} is part of a program that the build runs")
        replies = await self._asked(nodes, [])
        for node, reply in zip(nodes, replies, strict=True):
            self._done.add(node.key)
            self._outcome.checked += 1
            if node.key in self._plan.texts:
                self._names[node.key] = words(reply["names"])
                self._not_itself(node)
            if reply["changed"] == b"1" and not (hidden(node) and node.cmi in self._graph.makes):
                self._changed.add(node.cmi)

    async def _asked(self, nodes: Sequence[Node], more: list[tuple[str, bytes]]) -> list[dict[str, bytes]]:
        """The replies, all green: a red one, or else one that isn't known, ends the check."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        if len(nodes) == 1:
            replies = [await self._ask(nodes[0], [*self._message(nodes[0]), *more], left_s)]
        else:
            replies = list(
                await asyncio.gather(*(self._ask(node, [*self._message(node), *more], left_s) for node in nodes))
            )
        for reply in replies:
            self._outcome.cpu_ms += float(reply.get("cpu_ms", b"0"))
        red = [reply for reply in replies if reply["status"] == b"red"]
        if red:
            self._outcome.red = True
            self._outcome.parsed = any(reply["parsed"] == b"1" for reply in red)
            self._outcome.output += "".join(self._said(reply) for reply in red)
            raise _Ended
        for reply in replies:
            if reply["status"] != b"green":
                self._unsure(reply.get("reason", b"").decode("utf-8", "replace") or "the checker doesn't say")
            if not more:
                self._outcome.output += self._said(reply)
        return replies

    def _said(self, reply: dict[str, bytes]) -> str:
        """What a checker printed, with new interfaces under the names they would have."""
        text = reply["output"].decode("utf-8", "replace")
        for objects, place in self._places.items():
            text = text.replace(f"{place}/", f"{objects}/")
        return text

    def _message(self, node: Node) -> list[tuple[str, bytes]]:
        message = fields(node)
        if node.key in self._texts:
            message.append(("text", self._texts[node.key].text))
        if node.key in self._originals:
            message.append(("original", self._originals[node.key]))
        if node.makes_cmi:
            in_base = node.cmi in self._graph.makes
            message.append(("base_cmi", node.cmi.encode() if in_base else b""))
            message.append(("out_cmi", str(self._place(node.objects) / node.cmi.rpartition("/")[2]).encode()))
        for directory in self._graph.dirs(node.options):
            if directory in self._instead:
                message.append(("instead", f"{directory}\n{self._instead[directory]}".encode()))
            if directory in self._places and any(self._places[directory].iterdir()):
                message.append(("before", f"{directory}\n{self._places[directory]}".encode()))
        if not node.makes_cmi and node.source not in self._graph.by_source:
            message.append(("directory", str(self._stand_in(node)).encode()))
        return message

    def _place(self, objects: str) -> Path:
        """Where new interfaces of a stanza are written."""
        if objects not in self._places:
            place = self._scratch / f"cmi{len(self._places)}"
            place.mkdir(parents=True)
            self._places[objects] = place
        return self._places[objects]

    def _stand_in(self, node: Node) -> Path:
        """A directory with a file of the source's name: the checker looks beside it to know of an interface."""
        directory = self._scratch / "sources"
        file = directory / node.source
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        return directory

    def _hide_gone(self, context: Path) -> None:
        """The directories of objects without what is gone, as links."""
        for objects in {path.rpartition("/")[0] for path in self._plan.gone}:
            place = self._scratch / f"left{len(self._instead)}"
            place.mkdir(parents=True)
            for file in (context / objects).glob("*.cmi"):
                if f"{objects}/{file.name}" not in self._plan.gone:
                    (place / file.name).symlink_to(file)
            self._instead[objects] = place

    # --- what ends a check ---

    def _unsure(self, reason: str) -> NoReturn:
        self._outcome.reason = reason
        raise _Ended

    def _not_itself(self, node: Node) -> None:
        """dune refuses to build a module that names itself or its library's main module."""
        names = self._names[node.key]
        if node.generated:
            return
        if node.module in names:
            self._unsure(f"{node.source} names itself")
        alias = node.opened
        if alias in self._graph.members[node.objects] and not names.isdisjoint(_main_modules(alias)):
            self._unsure(f"{node.source} names its library's main module")

    def _no_new_cycle(self, node: Node) -> None:
        """Whether the one changed module now names one that depends on it."""
        if not node.makes_cmi:
            return
        members = self._graph.members[node.objects]
        for name in self._names[node.key]:
            path = members.get(name)
            if path is not None and path != node.cmi and self._graph.depends(path, node.cmi):
                self._unsure(f"{node.source} and {name} depend on each other")

    async def _no_circle(self, context: Path) -> None:
        """Whether a text now names one that closes a circle. The base has none: one takes a new name."""
        for key in sorted({*self._plan.texts, *self._renaming}):
            node = self._plan.nodes[key]
            if node.generated:
                continue
            (names,) = await self._names_of([node])
            old = self._graph.names.get(key, frozenset()) - self._plan.renamed.get(node.objects, frozenset())
            if names <= old:
                continue
            if node.kind == "impl":
                await self._needs_not_itself(node, names - old, context)
            if await ocaml_circle.leads_back(node, names - old, self._plan.nodes, self._names_of):
                self._unsure(f"{node.source} closes a circle through an interface")

    async def _needs_not_itself(self, node: Node, first: frozenset[str], context: Path) -> None:
        """Whether implementations alone lead back to one, which dune needs not be asked about where it links it."""
        others = ocaml_circle.implementations(self._plan.nodes, node.objects)
        circle = await ocaml_circle.back_to(node, first, others, self._names_of)
        if circle and not ocaml_circle.is_linked(node.objects, context):
            self._unsure(f"{node.source} and {circle[1]} need each other")
        if circle:
            self._outcome.red = True
            self._outcome.output += ocaml_circle.said(node.objects, circle)
            raise _Ended

    async def _preprocess(self, run_ppx: RunPpx | None, context: Path) -> None:
        jobs = [(key, text.text, text.preprocess) for key, text in self._texts.items() if text.preprocess is not None]
        if not jobs:
            return
        if run_ppx is None:
            self._unsure("a preprocessor would have to run, and there is no sandbox for it")
        await asyncio.gather(*(self._expand(key, text, job, run_ppx, context) for key, text, job in jobs))

    async def _expand(self, key: str, text: bytes, preprocessor: Preprocessor, run_ppx: RunPpx, context: Path) -> None:
        directory = self._scratch / f"ppx{next(self._runs)}"
        if not preprocessor.prints:
            self._originals[key] = text
        source = directory / preprocessor.source
        source.parent.mkdir(parents=True)
        source.write_bytes(text)
        driver = context / preprocessor.argv[0]
        argv = (str(driver), *preprocessor.argv[1:])
        if preprocessor.prints:
            argv = (*_PRINT, preprocessor.output, *argv)
        finished = await run_ppx(driver, argv, directory, max(0.0, self._until - time.monotonic()))
        self._outcome.cpu_ms += finished.cpu_ms
        if finished.timed_out or finished.truncated:
            self._unsure(f"the preprocessor of {preprocessor.source} doesn't end")
        if finished.exit_code != 0:
            if preprocessor.prints or 'File "' not in finished.output or "Error" not in finished.output:
                self._unsure(f"the preprocessor of {preprocessor.source} failed")
            self._outcome.red = True
            self._outcome.parsed = "yntax error" not in finished.output
            self._outcome.output += finished.output
            raise _Ended
        tree = await asyncio.to_thread(_tree, source, directory / preprocessor.output)
        if preprocessor.prints and (tree or b"").startswith(DUMPED):
            self._unsure(f"the preprocessor of {preprocessor.source} printed no text")
        if tree is None:
            self._unsure(f"the preprocessor of {preprocessor.source} would correct it, or wrote nothing")
        self._texts[key] = Text(tree)


def _main_modules(alias: str) -> Iterator[str]:
    """What the library whose modules are opened with `alias` may be called: `V` too of `V__impl__`, where a virtual
    library is implemented."""
    words = alias.rstrip("_").split("__")
    return ("__".join(words[:end]) for end in range(1, len(words) + 1))


def _tree(source: Path, output: Path) -> bytes | None:
    """What the preprocessor made, None when dune would not take it."""
    if Path(f"{source}.ppx-corrected").exists() or not output.is_file() or output.is_symlink():
        return None
    return output.read_bytes()
