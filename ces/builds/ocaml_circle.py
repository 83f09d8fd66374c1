"""Implementations that need each other in a circle: interfaces let them through a type check, linking refuses them.

Goes by what texts name within a stanza, as dune does.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from ces.builds.dune_modules import Node

_LIBRARY = re.compile(r"(?:(?P<directory>.*)/)?\.(?P<name>[^/]+)\.objs/byte")

NamesOf = Callable[[Sequence[Node]], Awaitable[Sequence[frozenset[str]]]]
"""What the texts of compilations name, as they are after the change."""


def implementations(nodes: Mapping[str, Node], objects: str) -> dict[str, Node]:
    """Those of one stanza, by the name that its modules call them."""
    kept = (node for node in nodes.values() if node.objects == objects and node.kind == "impl")
    return {node.module: node for node in kept if not node.generated}


async def back_to(node: Node, first: frozenset[str], others: Mapping[str, Node], names_of: NamesOf) -> list[str]:
    """The modules from `node`, by one of `first` that it names, back to it again; none when no way leads there.

    `others` are the implementations of its stanza, the only texts that are followed: `leads_back` follows all.
    """
    named_by = dict.fromkeys(sorted(first & others.keys()), node.module)
    layer = [others[name] for name in named_by]
    while layer:
        further = []
        for each, names in zip(layer, await names_of(layer), strict=True):
            if node.module in names:
                return _way(node.module, each.module, named_by)
            for name in sorted(names & others.keys() - named_by.keys()):
                named_by[name] = each.module
                further.append(others[name])
        layer = further
    return []


async def leads_back(node: Node, first: frozenset[str], nodes: Mapping[str, Node], names_of: NamesOf) -> bool:
    """Whether one of `first` that `node` names leads back to it, by texts of either kind.

    dune 3 refuses any such way. dune 2 lets an implementation's own interface name what comes after it.
    """
    texts: dict[str, list[Node]] = {}
    for each in nodes.values():
        if each.objects == node.objects and not each.generated:
            texts.setdefault(each.module, []).append(each)
    seen: set[str] = set()
    layer = (first & texts.keys()) - {node.module}
    while layer:
        seen |= layer
        asked = [each for module in sorted(layer) for each in texts[module]]
        named = [names - {each.module} for each, names in zip(asked, await names_of(asked), strict=True)]
        reached = texts.keys() & frozenset().union(*named)
        if node.module in reached:
            return True
        layer = frozenset(reached - seen)
    return False


def _way(start: str, last: str, named_by: Mapping[str, str]) -> list[str]:
    way = [start, last]
    while way[-1] != start:
        way.append(named_by[way[-1]])
    return way[::-1]


def said(objects: str, circle: Sequence[str]) -> str:
    """As dune says it."""
    directory = objects.rpartition("/.")[0]
    lines = [f"   {circle[0]}", *(f"-> {name}" for name in circle[1:])]
    where = "/".join(filter(None, ("_build/default", directory)))
    return "\n".join((f"Error: dependency cycle between modules in {where}:", *lines, ""))


def is_linked(objects: str, context: Path) -> bool:
    """Whether dune puts all of a stanza's modules together: of an executable only what its main module needs is linked,
    and a library may be in no default target."""
    library = _LIBRARY.fullmatch(objects)
    return library is not None and (context / (library["directory"] or "") / f"{library['name']}.cma").exists()
