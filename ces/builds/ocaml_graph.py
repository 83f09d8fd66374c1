"""Which modules of a base use which interfaces, from what the compiler read when it made them. Pure."""

import posixpath
from collections.abc import Mapping, Sequence

from ces.builds.dune_modules import Modules, Node, include_dirs
from ces.builds.ocaml_server import Job, Names, payload


class Graph:
    """Built once for a base; only its caches change.

    `makes` gives for a .cmi the compilation that makes it, `reads` for a compilation the .cmi files of the workspace
    that it read, `readers` the reverse, `names` what a compilation's text names, where that is known by now. Keys are
    `Node.key`.
    """

    def __init__(self, modules: Modules, imports: Mapping[str, Sequence[str]]) -> None:
        self.modules = modules
        self.by_source: dict[str, list[Node]] = {}
        self.makes = {node.cmi: node.key for node in modules.nodes.values() if node.makes_cmi}
        self.members: dict[str, dict[str, str]] = {}
        self.reads: dict[str, frozenset[str]] = {}
        self.readers: dict[str, set[str]] = {}
        self.names: Names = {}
        self._warm: dict[tuple[str, ...], list[Job]] = {}
        self._dirs: dict[tuple[str, ...], tuple[str, ...]] = {}
        for node in modules.nodes.values():
            self.by_source.setdefault(node.source, []).append(node)
            self.members.setdefault(node.objects, {})[node.module] = node.cmi
        for node in modules.nodes.values():
            found = {self.resolve(node.options, unit) for unit in imports.get(node.key, ())}
            self.reads[node.key] = frozenset(
                path for path in found if path is not None and (path != node.cmi or not node.makes_cmi)
            )
            for path in self.reads[node.key]:
                self.readers.setdefault(path, set()).add(node.key)

    def dirs(self, options: tuple[str, ...]) -> tuple[str, ...]:
        """Where a module with these options looks for interfaces, first first."""
        if options not in self._dirs:
            self._dirs[options] = tuple(include_dirs(options))
        return self._dirs[options]

    def resolve(self, options: tuple[str, ...], unit: str) -> str | None:
        """The workspace's .cmi that a unit's name means there, None when it is of no workspace module."""
        name = f"{unit[:1].lower()}{unit[1:]}.cmi"
        for directory in self.dirs(options):
            path = f"{directory}/{name}"
            if path in self.makes:
                return path
        return None

    def needed(self, key: str) -> set[str]:
        """The .cmi files that are made before it: those it reads, and those dune builds first in its stanza."""
        return {*self.reads.get(key, ()), *self.modules.nodes[key].needs}

    def depends(self, path: str, on: str) -> bool:
        """Whether making the .cmi `path` needs the .cmi `on`, through however many others."""
        seen: set[str] = set()
        left = [path]
        while left:
            each = left.pop()
            if each == on:
                return True
            if each not in seen and each in self.makes:
                seen.add(each)
                left += self.needed(self.makes[each])
        return False

    def warm_up(self, options: tuple[str, ...]) -> list[Job]:
        """What a server for these options checks to have everything loaded: interfaces last, they are the cheapest."""
        if options not in self._warm:
            nodes = [node for node in self.modules.nodes.values() if node.options == options]
            nodes.sort(key=lambda node: (node.kind, -len(node.needs)))
            self._warm[options] = [Job(node.key, payload(fields(node))) for node in nodes]
        return self._warm[options]


def fields(node: Node) -> list[tuple[str, bytes]]:
    """What a checker is told of a module."""
    return [
        ("kind", node.kind.encode()),
        ("unit", node.unit.encode()),
        ("source", node.source.encode()),
        ("prefix", node.prefix.encode()),
        ("has_interface", b"0" if node.makes_cmi else b"1"),
    ]


def hidden(alias: Node) -> bool:
    """Whether a module of aliases is opened by its own stanza alone, and never named by people."""
    name = posixpath.basename(alias.prefix)
    return alias.generated and (name.endswith("__") or name == "dune__exe")
